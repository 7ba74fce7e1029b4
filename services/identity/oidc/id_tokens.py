"""Judging an ID token, a pure decision over the provider's keys (OpenID Connect Core 1.0, section 3.1.3.7).

The algorithm comes from our list and must fit the key, so that no public key is ever taken for a shared secret; a key
comes from the provider's own set, never from the token's header.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from services.identity.oidc.errors import Reason, SignInFailed

ALGORITHMS: Final = {"RS256": ("RSA", None), "ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}
"""Taken algorithms, each with the key type and curve that it needs."""
LEEWAY_S: Final = 30
MOST_CHARACTERS: Final = 16 * 1024
MOST_KEYS: Final = 50
FEWEST_BITS: Final = 2048
OLDEST_S: Final = 86_400

_SUBJECT: Final = re.compile(r"^[\x20-\x7e]{1,255}\Z")
_LATEST: Final = 2**40
_OPTIONS: Final[Any] = {
    "require": ["iss", "sub", "aud", "exp", "iat"],
    "verify_exp": False,  # by the given clock, below
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}


@dataclass(frozen=True)
class Expected:
    """What a token must say. `at`: Unix time in seconds."""

    issuer: str
    client_id: str
    nonce: str
    at: float


def judged(token: object, keys: Sequence[dict[str, Any]], expected: Expected) -> dict[str, Any]:
    """Return the claims of an ID token that is good.

    Raises:
        SignInFailed: It is not; `UNKNOWN_KEY`: newer keys of the provider may say otherwise.
    """
    if not isinstance(token, str) or len(token) > MOST_CHARACTERS or not token.isascii():
        raise SignInFailed(Reason.BAD_ID_TOKEN)
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise SignInFailed(Reason.BAD_ID_TOKEN) from None
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header or "b64" in header:
        raise SignInFailed(Reason.BAD_ID_TOKEN)
    key = _key(_chosen(keys, algorithm, header.get("kid")), algorithm)
    claims = _signed(token, key, algorithm, expected.issuer)
    _check(claims, expected)
    return claims


def _chosen(keys: Sequence[dict[str, Any]], algorithm: str, kid: object) -> dict[str, Any]:
    """Return the key that a token names; one without a name must leave no choice."""
    kind, curve = ALGORITHMS[algorithm]
    fitting = [
        key
        for key in keys[:MOST_KEYS]
        if key.get("kty") == kind
        and (curve is None or key.get("crv") == curve)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (kid is None or key.get("kid") == kid)
    ]
    if len(fitting) != 1:
        raise SignInFailed(Reason.UNKNOWN_KEY)
    return fitting[0]


def _key(key: dict[str, Any], algorithm: str) -> Any:
    try:
        made = jwt.PyJWK(key, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise SignInFailed(Reason.UNKNOWN_KEY) from None
    if isinstance(made, RSAPublicKey) and made.key_size < FEWEST_BITS:
        raise SignInFailed(Reason.UNKNOWN_KEY)
    return made


def _signed(token: str, key: Any, algorithm: str, issuer: str) -> dict[str, Any]:
    try:
        return jwt.decode(token, key, [algorithm], _OPTIONS, issuer=issuer)
    except jwt.InvalidIssuerError:
        raise SignInFailed(Reason.OTHER_ISSUER) from None
    except jwt.InvalidSignatureError:
        raise SignInFailed(Reason.WRONG_SIGNATURE) from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise SignInFailed(Reason.BAD_ID_TOKEN) from None


def _check(claims: dict[str, Any], expected: Expected) -> None:
    audience = claims["aud"]
    several = isinstance(audience, list) and len(cast("list[object]", audience)) > 1
    if expected.client_id not in (cast("list[object]", audience) if isinstance(audience, list) else [audience]):
        raise SignInFailed(Reason.WRONG_AUDIENCE)
    if (several or "azp" in claims) and claims.get("azp") != expected.client_id:
        raise SignInFailed(Reason.WRONG_AUDIENCE)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not nonce.isascii() or not hmac.compare_digest(nonce, expected.nonce):
        raise SignInFailed(Reason.WRONG_NONCE)
    if not isinstance(claims["sub"], str) or not _SUBJECT.match(claims["sub"]):
        raise SignInFailed(Reason.BAD_ID_TOKEN)
    ends, issued, begins = (_time(claims.get(name, 0)) for name in ("exp", "iat", "nbf"))
    if ends + LEEWAY_S <= expected.at or max(issued, begins) > expected.at + LEEWAY_S:
        raise SignInFailed(Reason.WRONG_TIME)
    if issued < expected.at - OLDEST_S:
        raise SignInFailed(Reason.WRONG_TIME)


def _time(value: object) -> float:
    """Return a NumericDate; JSON has fractions, but our side takes no NaN and nothing absurd."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _LATEST:
        raise SignInFailed(Reason.WRONG_TIME)
    return float(value)
