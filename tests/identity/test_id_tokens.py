"""Judging ID tokens: which key is taken, and which tokens no key makes good."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from services.identity.oidc.errors import Reason, SignInFailed
from services.identity.oidc.id_tokens import MOST_KEYS, Expected, judged
from tests.identity.forging import b64

AT = 1_800_000_000
EXPECTED = Expected("https://issuer.invalid", "us", "nonce", AT)
RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505  the point of a test
EC = ec.generate_private_key(ec.SECP256R1())
EC_384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, algorithm: str, **said: Any) -> dict[str, Any]:
    return dict(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)) | said


def claims(**changed: Any) -> dict[str, Any]:
    right = {"iss": "https://issuer.invalid", "aud": "us", "sub": "ada", "nonce": "nonce", "iat": AT, "exp": AT + 300}
    return right | changed


def token(key: Any = RSA, algorithm: str = "RS256", header: dict[str, Any] | None = None, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, headers=header)


def refused(given: object, keys: list[dict[str, Any]], reason: Reason) -> None:
    with pytest.raises(SignInFailed) as failure:
        judged(given, keys, EXPECTED)
    assert failure.value.reason is reason


def test_key_is_found_by_name_and_kind() -> None:
    keys = [jwk(EC, "ES256", kid="a"), jwk(RSA, "RS256", kid="a"), jwk(ED, "EdDSA", kid="b"), {"kty": "oct", "k": "eA"}]
    assert judged(token(header={"kid": "a"}), keys, EXPECTED)["sub"] == "ada"
    assert judged(token(EC, "ES256", {"kid": "a"}), keys, EXPECTED)["sub"] == "ada"
    assert judged(token(ED, "EdDSA", {"kid": "b"}), keys, EXPECTED)["sub"] == "ada"


def test_token_without_a_name_leaves_no_choice() -> None:
    one = jwk(RSA, "RS256", kid="a")
    assert judged(token(), [one], EXPECTED)["sub"] == "ada"
    refused(token(), [one, one | {"kid": "b"}], Reason.UNKNOWN_KEY)
    refused(token(header={"kid": "a"}), [one, one], Reason.UNKNOWN_KEY)


@pytest.mark.parametrize(
    "key",
    [
        jwk(RSA, "RS256", use="enc"),
        jwk(RSA, "RS256", alg="RS512"),
        jwk(RSA, "RS256", kid="b"),
        jwk(EC, "ES256", kid="a"),
        jwk(SMALL, "RS256"),
        {"kty": "RSA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": 1, "e": []},
        {"kty": ["RSA"]},
        {},
    ],
)
def test_unfit_key_is_no_key(key: dict[str, Any]) -> None:
    refused(token(header={"kid": "a"}), [{"kid": "a"} | key], Reason.UNKNOWN_KEY)


def test_curve_is_the_algorithms_own() -> None:
    other = jwk(EC_384, "ES384", kid="a")
    refused(token(EC, "ES256", {"kid": "a"}), [other], Reason.UNKNOWN_KEY)


def test_only_so_many_keys_are_looked_at() -> None:
    strange = [jwk(EC, "ES256", kid=str(n)) for n in range(MOST_KEYS)]
    refused(token(header={"kid": "a"}), [*strange, jwk(RSA, "RS256", kid="a")], Reason.UNKNOWN_KEY)


@pytest.mark.parametrize(
    "algorithm", ["none", "HS256", "RS384", "RS512", "PS256", "ES384", "rs256", "", None, ["RS256"]]
)
def test_algorithm_is_one_of_three(algorithm: Any) -> None:
    header = b64(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    refused(f"{header}.{token().partition('.')[2]}", [jwk(RSA, "RS256")], Reason.BAD_ID_TOKEN)


@pytest.mark.parametrize(
    "given",
    [
        None, 7, "", ".", "..", "a.b.c", "x" * 20_000, "é.é.é", ["x"], {"a": 1}, "e30.e30.", "W10.W10.W10",
        b64(b"[" * 6000) + ".e30.e30", b64(b'{"alg": "RS256", "crit": ["b64"], "b64": false}') + ".e30.e30",
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(given: object) -> None:
    refused(given, [jwk(RSA, "RS256")], Reason.BAD_ID_TOKEN)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": ["us", "them"]}, Reason.WRONG_AUDIENCE),
        ({"aud": ["us", "them"], "azp": "them"}, Reason.WRONG_AUDIENCE),
        ({"aud": "us", "azp": "them"}, Reason.WRONG_AUDIENCE),
        ({"aud": []}, Reason.WRONG_AUDIENCE),
        ({"aud": {"us": 1}}, Reason.WRONG_AUDIENCE),
        ({"aud": [["us"]]}, Reason.WRONG_AUDIENCE),
        ({"nonce": ["nonce"]}, Reason.WRONG_NONCE),
        ({"nonce": "\ud800"}, Reason.WRONG_NONCE),
        ({"nonce": ""}, Reason.WRONG_NONCE),
        ({"exp": "1800000300"}, Reason.WRONG_TIME),
        ({"exp": True}, Reason.WRONG_TIME),
        ({"exp": float("nan")}, Reason.WRONG_TIME),
        ({"exp": float("inf")}, Reason.WRONG_TIME),
        ({"exp": -1}, Reason.WRONG_TIME),
        ({"exp": 10**40}, Reason.WRONG_TIME),
        ({"exp": AT - 31}, Reason.WRONG_TIME),
        ({"iat": AT + 31}, Reason.WRONG_TIME),
        ({"iat": AT - 2 * 86_400}, Reason.WRONG_TIME),
        ({"nbf": AT + 31}, Reason.WRONG_TIME),
        ({"nbf": "x"}, Reason.WRONG_TIME),
        ({"sub": "\ud800"}, Reason.BAD_ID_TOKEN),
        ({"sub": 7}, Reason.BAD_ID_TOKEN),
        ({"iss": ["https://issuer.invalid"]}, Reason.OTHER_ISSUER),
        ({"iss": "https://issuer.invalid/"}, Reason.OTHER_ISSUER),
    ],
)
def test_wrong_claims_are_refused(changed: dict[str, Any], reason: Reason) -> None:
    header = b64(json.dumps({"alg": "RS256"}).encode())
    signed = f"{header}.{b64(json.dumps(claims(**changed)).encode())}"
    signature = jwt.get_algorithm_by_name("RS256").sign(signed.encode(), RSA)
    refused(f"{signed}.{b64(signature)}", [jwk(RSA, "RS256")], reason)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["us"]},
        {"aud": ["us", "them"], "azp": "us"},
        {"exp": AT + 0.5},
        {"exp": AT - 29},
        {"iat": AT + 29},
        {"sub": "a b|c@d"},
    ],
)
def test_unusual_but_right_claims_are_taken(changed: dict[str, Any]) -> None:
    assert judged(token(**changed), [jwk(RSA, "RS256")], EXPECTED)["iss"] == "https://issuer.invalid"
