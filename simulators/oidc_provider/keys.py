"""The provider's keys, one for each algorithm, and strangers' keys that it never shows."""

from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ALGORITHMS = ("RS256", "ES256", "EdDSA")
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Keys:
    """Keys of one provider; `renew` changes them all."""

    def __init__(self) -> None:
        self._generation = 0
        self.private: dict[str, PrivateKey] = {}
        self.strange: dict[str, PrivateKey] = {}
        self.renew()

    def renew(self) -> None:
        """Make new keys, with new names."""
        self._generation += 1
        self.private, self.strange = _made(), _made()

    def kid(self, algorithm: str) -> str:
        """Return the name of the key for an algorithm."""
        return f"{algorithm.lower()}-{self._generation}"

    def shown(self) -> list[dict[str, Any]]:
        """Return the public keys as JWKs."""
        return [public_jwk(self.private[each], each) | {"kid": self.kid(each), "use": "sig"} for each in ALGORITHMS]

    def pem(self, algorithm: str) -> bytes:
        """Return the public key as PEM: what key confusion takes for a shared secret."""
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return self.private[algorithm].public_key().public_bytes(*form)


def public_jwk(key: PrivateKey, algorithm: str) -> dict[str, Any]:
    """Return the public half of a key as a JWK."""
    return dict(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)) | {"alg": algorithm}


def _made() -> dict[str, PrivateKey]:
    return {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    }
