"""Tokens by hand: right ones, changed ones, and the forgeries that every door must refuse alike."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.identity.tokens import AUDIENCE, ISSUER, SigningKey

DAY_S = 86_400
NOT_UTF8 = "eyJhIjogIv8ifQ"
"""`{"a": "\\xff"}` in base64url."""
STRANGER = Ed25519PrivateKey.generate()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True)
class Mint:
    """What a forger has in the worst case: the true key, a live session, the time."""

    key: SigningKey
    user_id: str
    session_id: str
    at: int

    def claims(self, **changed: Any) -> dict[str, Any]:
        right: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": self.user_id,
            "sid": self.session_id,
            "token_use": "access",
            "iat": self.at,
            "nbf": self.at,
            "exp": self.at + 600,
            "jti": "0" * 32,
        }
        return {name: value for name, value in (right | changed).items() if value is not ABSENT}

    def header(self, **changed: Any) -> dict[str, Any]:
        right: dict[str, Any] = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.key.kid}
        return {name: value for name, value in (right | changed).items() if value is not ABSENT}

    def token(self, header: object = None, claims: object = None, key: Ed25519PrivateKey | None = None) -> str:
        """Return a token that is signed, whatever is in it."""
        return self.raw(json.dumps(header or self.header()), json.dumps(claims or self.claims()), key)

    def raw(self, header: str, claims: str, key: Ed25519PrivateKey | None = None) -> str:
        signed = f"{b64(header.encode())}.{b64(claims.encode())}"
        return f"{signed}.{b64((key or self.key.private).sign(signed.encode()))}"

    def pem(self) -> bytes:
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return self.key.private.public_key().public_bytes(*form)

    def public(self) -> bytes:
        return self.key.private.public_key().public_bytes_raw()

    def parts(self) -> tuple[str, str, str]:
        header, claims, signature = self.token().split(".")
        return header, claims, signature


class _Absent:
    """Leaves a name out."""


ABSENT = _Absent()
Forge = Callable[[Mint], str]


def _claims(**changed: Any) -> Forge:
    return lambda mint: mint.token(claims=mint.claims(**changed))


def _header(**changed: Any) -> Forge:
    return lambda mint: mint.token(header=mint.header(**changed))


def _shifted(name: str, by_s: float) -> Forge:
    return lambda mint: mint.token(claims=mint.claims(**{name: mint.claims()[name] + by_s}))


def _moved(by_s: int) -> Forge:
    def forge(mint: Mint) -> str:
        times = {name: mint.claims()[name] + by_s for name in ("iat", "nbf", "exp")}
        return mint.token(claims=mint.claims(**times))

    return forge


def _unsigned(algorithm: str) -> Forge:
    def forge(mint: Mint) -> str:
        header = b64(json.dumps(mint.header(alg=algorithm)).encode())
        return f"{header}.{mint.parts()[1]}."

    return forge


def _confused(algorithm: str, secret: Callable[[Mint], bytes]) -> Forge:
    """Sign by HMAC with what is public."""

    def forge(mint: Mint) -> str:
        signed = f"{b64(json.dumps(mint.header(alg=algorithm)).encode())}.{mint.parts()[1]}"
        digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}[algorithm]
        return f"{signed}.{b64(hmac.new(secret(mint), signed.encode(), digest).digest())}"

    return forge


def _text(change: Callable[[str, str, str], str]) -> Forge:
    return lambda mint: change(*mint.parts())


def _text_of_claims(change: Callable[[str], str]) -> Forge:
    return lambda mint: mint.raw(json.dumps(mint.header()), change(json.dumps(mint.claims())))


def _signed_by(algorithm: str, key: Any) -> Forge:
    return lambda mint: jwt.encode(mint.claims(), key, algorithm, headers={"kid": mint.key.kid, "typ": "at+jwt"})


def _own_jwk(mint: Mint) -> str:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(STRANGER.public_key().public_bytes_raw())}
    return mint.token(mint.header(jwk=jwk), key=STRANGER)


def _tampered(mint: Mint) -> str:
    header, _, signature = mint.parts()
    return f"{header}.{b64(json.dumps(mint.claims(sub='local')).encode())}.{signature}"


def _nested(mint: Mint) -> str:
    return mint.raw(json.dumps(mint.header(cty="JWT")), json.dumps(mint.token()))


def _other_last_bits(header: str, claims: str, signature: str) -> str:
    """Change the bits that base64 does not use: another text for the same signature."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return f"{header}.{claims}.{signature[:-1]}{alphabet[alphabet.index(signature[-1]) ^ 1]}"


def _flipped(header: str, claims: str, signature: str) -> str:
    return f"{header}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _deep(mint: Mint) -> str:
    return mint.raw(json.dumps(mint.header()), "[" * 1400 + "]" * 1400)


FORGERIES: dict[str, Forge] = {
    "alg none": _unsigned("none"),
    "alg None": _unsigned("None"),
    "alg nOnE": _unsigned("nOnE"),
    "alg empty": _unsigned(""),
    "alg absent": _header(alg=ABSENT),
    "alg null": _header(alg=None),
    "alg a list": _header(alg=["EdDSA"]),
    "alg in other case": _header(alg="eddsa"),
    "alg Ed25519": _header(alg="Ed25519"),
    "HS256 with the public key as PEM": _confused("HS256", Mint.pem),
    "HS256 with the public key's bytes": _confused("HS256", Mint.public),
    "HS256 with an empty secret": _confused("HS256", lambda _: b""),
    "HS512 with the public key": _confused("HS512", Mint.pem),
    "RS256": _signed_by("RS256", rsa.generate_private_key(65537, 2048)),
    "ES256": _signed_by("ES256", ec.generate_private_key(ec.SECP256R1())),
    "expired": _moved(-DAY_S),
    "just expired": _moved(-600 - 31),
    "not yet valid": _moved(DAY_S),
    "nbf after now": _shifted("nbf", 300),
    "exp before iat": _shifted("exp", -601),
    "lives too long": _shifted("exp", 3600),
    "lives for ever": _claims(exp=2**63),
    "exp absent": _claims(exp=ABSENT),
    "iat absent": _claims(iat=ABSENT),
    "nbf absent": _claims(nbf=ABSENT),
    "exp negative": _claims(exp=-1),
    "exp a fraction": _shifted("exp", -0.5),
    "exp a text": _claims(exp="4102444800"),
    "exp true": _claims(exp=True),
    "exp NaN": _claims(exp=float("nan")),
    "exp infinite": _claims(exp=float("inf")),
    "exp 1e400": _text_of_claims(lambda text: text.replace('"exp": ', '"exp": 1e400, "x": ')),
    "exp of 5,000 digits": _text_of_claims(lambda text: text.replace('"exp": ', f'"exp": {"9" * 2000}, "x": ')),
    "exp null": _claims(exp=None),
    "wrong audience": _claims(aud="urn:somebody:else"),
    "several audiences": _claims(aud=[AUDIENCE, "urn:somebody:else"]),
    "audience in a list": _claims(aud=[AUDIENCE]),
    "audience absent": _claims(aud=ABSENT),
    "audience empty": _claims(aud=""),
    "wrong issuer": _claims(iss="https://issuer.invalid"),
    "issuer with a slash": _claims(iss=f"{ISSUER}/"),
    "issuer absent": _claims(iss=ABSENT),
    "issuer a list": _claims(iss=[ISSUER]),
    "a refresh token by its use": _claims(token_use="refresh"),
    "an ID token by its use": _claims(token_use="id"),
    "use absent": _claims(token_use=ABSENT),
    "typ JWT": _header(typ="JWT"),
    "typ of a refresh token": _header(typ="rt+jwt"),
    "typ absent": _header(typ=ABSENT),
    "huge claim": lambda mint: mint.token(claims=mint.claims(jti="x" * 5000)),
    "a megabyte": _text(lambda header, claims, signature: f"{header}.{claims}{'A' * 1_000_000}.{signature}"),
    "huge header": _header(x="x" * 5000),
    "nested too deep": _deep,
    "kid path traversal": _header(kid="../../../../dev/null"),
    "kid SQL": _header(kid="' OR 1=1 --"),
    "kid of the pepper": _header(kid="pepper"),
    "kid unknown": _header(kid="k0123456789abcdef"),
    "kid absent": _header(kid=ABSENT),
    "kid empty": _header(kid=""),
    "kid a number": _header(kid=1),
    "kid a list": _header(kid=["a"]),
    "kid an object": _header(kid={"$ne": ""}),
    "kid with a line break": lambda mint: mint.token(mint.header(kid=f"{mint.key.kid}\n")),
    "kid in capitals": lambda mint: mint.token(mint.header(kid=mint.key.kid.upper())),
    "kid twice": lambda mint: mint.raw(
        json.dumps(mint.header()).replace("}", f', "kid": "{mint.key.kid}"}}'), json.dumps(mint.claims())
    ),
    "kid an address": _header(kid="https://keys.invalid/key"),
    "jku": _header(jku="https://keys.invalid/keys.json"),
    "jwk of a stranger": _own_jwk,
    "x5u": _header(x5u="https://keys.invalid/chain.pem"),
    "x5c": _header(x5c=["MIIB"]),
    "crit": _header(crit=["exp"], exp=0),
    "b64 false": _header(b64=False, crit=["b64"]),
    "zip": _header(zip="DEF"),
    "epk, as of an encrypted one": _header(enc="A256GCM", epk={}),
    "key of a stranger": lambda mint: mint.token(key=STRANGER),
    "claims changed": _tampered,
    "signature changed": _text(_flipped),
    "signature of another token": lambda mint: ".".join(
        (*mint.parts()[:2], mint.token(claims=mint.claims(sub="local")).rpartition(".")[2])
    ),
    "signature cut": _text(lambda header, claims, signature: f"{header}.{claims}.{signature[:-2]}"),
    "signature empty": _text(lambda header, claims, _: f"{header}.{claims}."),
    "signature all zero": _text(lambda header, claims, _: f"{header}.{claims}.{b64(bytes(64))}"),
    "other unused bits": _text(_other_last_bits),
    "padded": _text(lambda header, claims, signature: f"{header}.{claims}.{signature}=="),
    "standard base64": _text(lambda header, claims, _: f"{header}.{claims}.{'+/' * 43}"),
    "line break at the end": _text(lambda header, claims, signature: f"{header}.{claims}.{signature}\n"),
    "space within": _text(lambda header, claims, signature: f"{header}. {claims}.{signature}"),
    "no header": _text(lambda _, claims, signature: f".{claims}.{signature}"),
    "no claims": _text(lambda header, _, signature: f"{header}..{signature}"),
    "dots alone": lambda _: "..",
    "four parts": _text(lambda header, claims, signature: f"{header}.{claims}.{signature}.{signature}"),
    "five parts, as an encrypted one": _text(
        lambda header, claims, signature: ".".join([header, claims, signature] + ["A"] * 2)
    ),
    "two parts": _text(lambda header, claims, _: f"{header}.{claims}"),
    "JSON serialisation": _text(
        lambda header, claims, signature: json.dumps({"protected": header, "payload": claims, "signature": signature})
    ),
    "header no JSON": lambda mint: mint.raw("{", json.dumps(mint.claims())),
    "header a list": lambda mint: mint.raw("[]", json.dumps(mint.claims())),
    "claims a list": lambda mint: mint.raw(json.dumps(mint.header()), "[]"),
    "claims a text": lambda mint: mint.raw(json.dumps(mint.header()), '"x"'),
    "claims null": lambda mint: mint.raw(json.dumps(mint.header()), "null"),
    "claims no UTF-8": _text(lambda header, _, signature: f"{header}.{NOT_UTF8}.{signature}"),
    "a token in a token": _nested,
    "sub absent": _claims(sub=ABSENT),
    "sub a number": _claims(sub=1),
    "sub a list": _claims(sub=["local"]),
    "sub SQL": _claims(sub="local' OR '1'='1"),
    "sub with a NUL": _claims(sub="local\x00"),
    "sub half a surrogate": _claims(sub="\ud800"),
    "sub another's": _claims(sub="local"),
    "sub twice": _text_of_claims(lambda text: text.replace('"sub"', '"sub": "local", "sub"')),
    "sid absent": _claims(sid=ABSENT),
    "sid unknown": _claims(sid="ses_0123456789abcdef0123456789abcdef"),
    "sid an object": _claims(sid={}),
    "jti absent": _claims(jti=ABSENT),
    "jti a number": _claims(jti=7),
    "a claim that we do not write": _claims(roles=["admin"]),
    "exp in other digits": _text_of_claims(lambda text: text.replace('"exp": 1', '"exp": \u0661')),
    "kid in other digits": _header(kid="k\u0660\u0661"),
}
"""By what is wrong. All of them are signed with the true key, unless the signature is what is wrong."""
