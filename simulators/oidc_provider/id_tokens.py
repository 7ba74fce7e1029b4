"""ID tokens, right ones and wrong ones."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt

from simulators.oidc_provider.book import Book, Code
from simulators.oidc_provider.keys import public_jwk
from simulators.oidc_provider.settings import Fault

LIFETIME_S = 300
FAR_S = 86_400


def id_token(book: Book, issuer: str, code: Code) -> str | None:
    """Return the ID token for a code, with the fault that is set; None: there is none."""
    fault, algorithm = book.behaviour.fault, book.behaviour.algorithm
    claims = _claims(book, issuer, code)
    header: dict[str, Any] = {"kid": book.keys.kid(algorithm)}
    if fault is Fault.NO_ID_TOKEN:
        return None
    if fault is Fault.NOT_A_TOKEN:
        return "this.is.none"
    if fault is Fault.UNSIGNED:
        return jwt.encode(claims, "", "none", headers=header)
    if fault is Fault.SHARED_SECRET:
        return _by_secret(claims, header, book.keys.pem(algorithm))
    if fault is Fault.KEY_IN_HEADER:
        header["jwk"] = public_jwk(book.keys.strange[algorithm], algorithm)
    strange = fault in {Fault.OTHER_KEY, Fault.KEY_IN_HEADER}
    key = (book.keys.strange if strange else book.keys.private)[algorithm]
    return jwt.encode(claims, key, algorithm, headers=header)


def _claims(book: Book, issuer: str, code: Code) -> dict[str, Any]:
    at = int(time.time()) + book.behaviour.leeway_s
    claims: dict[str, Any] = {
        **book.behaviour.person,
        "iss": issuer,
        "aud": code.client_id,
        "nonce": code.nonce,
        "iat": at,
        "exp": at + LIFETIME_S,
    }
    claims |= _WRONG.get(book.behaviour.fault, {})
    if book.behaviour.fault is Fault.MORE_AUDIENCES:
        claims["aud"] = [code.client_id, "somebody-else"]
    if book.behaviour.fault is Fault.EXPIRED:
        claims |= {"iat": at - FAR_S, "exp": at - FAR_S + LIFETIME_S}
    if book.behaviour.fault is Fault.FROM_THE_FUTURE:
        claims |= {"iat": at + FAR_S, "nbf": at + FAR_S, "exp": at + FAR_S + LIFETIME_S}
    for name in _WITHOUT.get(book.behaviour.fault, ()):
        del claims[name]
    return claims


_WRONG: dict[Fault, dict[str, Any]] = {
    Fault.WRONG_NONCE: {"nonce": "another"},
    Fault.WRONG_AUDIENCE: {"aud": "somebody-else"},
    Fault.WRONG_ISSUER: {"iss": "https://issuer.invalid"},
}
_WITHOUT = {Fault.NO_NONCE: ("nonce",), Fault.NO_EXPIRY: ("exp",), Fault.NO_SUBJECT: ("sub",)}


def _by_secret(claims: dict[str, Any], header: dict[str, Any], secret: bytes) -> str:
    """Return a token signed by HMAC with a public key as the secret, as only a forger makes it."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT", **header}, claims)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.new(secret, signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
