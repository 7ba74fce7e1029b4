"""Sealing and opening records: AES-256-GCM twice, a data key of its own for each record, wrapped by a master key.

Layout of version 1; lengths in bytes:

| field | length | content |
|---|---|---|
| version | 1 | 1 |
| key id's length | 1 | 1 to 40 |
| key id | as said | which master key wraps the data key |
| binding | 16 | the first bytes of SHA-256 of `bound_to`, so that mixed-up rows are told from damaged ones |
| wrap nonce | 12 | random |
| wrapped key | 48 | the data key of 32 and its tag, under the master key |
| body nonce | 12 | random |
| body | any | the text and its tag of 16, under the data key |

Additional data of the wrapping is all that stands before the wrap nonce, then `bound_to`; of the body it is the
version, then `bound_to`. So nothing can be exchanged unnoticed, and another master key can wrap the data key without
touching the body. Nonces are random: one master key wraps at most 2^32 records.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.vault.errors import Damaged, KeysInvalid, UnknownKey, WrongBinding

KEY_BYTES = 32
KEY_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}\Z")

_VERSION = b"\x01"
_BINDING, _NONCE, _TAG = 16, 12, 16
_WRAPPED = KEY_BYTES + _TAG


@dataclass(frozen=True, slots=True, repr=False)
class _Record:
    """A sealed record's fields."""

    key_id: str
    binding: bytes
    wrap_nonce: bytes
    wrapped: bytes
    body_nonce: bytes
    body: bytes

    @property
    def header(self) -> bytes:
        return _header(self.key_id, self.binding)


class Vault:
    """Master keys, one of which seals.

    Args:
        master_keys: Keys of 32 bytes by id; all of them open.
        active: The id of the one that seals.
    """

    def __init__(self, master_keys: Mapping[str, bytes], active: str) -> None:
        if active not in master_keys:
            raise KeysInvalid("the active master key is not among the master keys")
        if not all(KEY_ID.match(key_id) and len(key) == KEY_BYTES for key_id, key in master_keys.items()):
            raise KeysInvalid(f"a master key has an id of up to 40 letters, digits, _ . - and {KEY_BYTES} bytes")
        self._masters = {key_id: AESGCM(key) for key_id, key in master_keys.items()}
        self._active = active

    def seal(self, plaintext: bytes, *, bound_to: str) -> bytes:
        """Return the record; only who names the same `bound_to`, such as "tool_server/atlassian", opens it again."""
        data_key, nonce = AESGCM.generate_key(KEY_BYTES * 8), os.urandom(_NONCE)
        body = AESGCM(data_key).encrypt(nonce, plaintext, _VERSION + bound_to.encode())
        return self._wrap(data_key, bound_to) + nonce + body

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Return the plaintext.

        Raises:
            UnknownKey: Its master key is not at hand.
            WrongBinding: It was sealed for something else.
            Damaged: It is not as it was written.
        """
        record = _read(sealed)
        data_key = self._unwrap(record, bound_to)
        try:
            return AESGCM(data_key).decrypt(record.body_nonce, record.body, _VERSION + bound_to.encode())
        except InvalidTag:
            raise Damaged("a sealed record's body is damaged") from None

    def needs_rewrap(self, sealed: bytes) -> bool:
        """Whether the record is not under the active master key.

        Raises:
            Damaged: It is no sealed record.
        """
        return _read(sealed).key_id != self._active

    def rewrap(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Return the record with its data key under the active master key, and the same body.

        Raises:
            UnknownKey: Its master key is not at hand.
            WrongBinding: It was sealed for something else.
            Damaged: It is not as it was written; the body is not looked at.
        """
        record = _read(sealed)
        return self._wrap(self._unwrap(record, bound_to), bound_to) + record.body_nonce + record.body

    def _wrap(self, data_key: bytes, bound_to: str) -> bytes:
        header, nonce = _header(self._active, _binding(bound_to)), os.urandom(_NONCE)
        return header + nonce + self._masters[self._active].encrypt(nonce, data_key, header + bound_to.encode())

    def _unwrap(self, record: _Record, bound_to: str) -> bytes:
        if record.key_id not in self._masters:
            raise UnknownKey("a sealed record's master key is not among the master keys")
        if record.binding != _binding(bound_to):
            raise WrongBinding("a sealed record was sealed for something else")
        try:
            return self._masters[record.key_id].decrypt(
                record.wrap_nonce, record.wrapped, record.header + bound_to.encode()
            )
        except InvalidTag:
            raise Damaged("a sealed record's key is damaged") from None


def _binding(bound_to: str) -> bytes:
    return hashlib.sha256(bound_to.encode()).digest()[:_BINDING]


def _header(key_id: str, binding: bytes) -> bytes:
    return _VERSION + bytes([len(key_id)]) + key_id.encode() + binding


def _read(sealed: bytes) -> _Record:
    id_end = 2 + sealed[1] if sealed[:1] == _VERSION and len(sealed) > 1 else 0
    ends = [id_end]
    for length in (_BINDING, _NONCE, _WRAPPED, _NONCE):
        ends.append(ends[-1] + length)
    key_id = sealed[2:id_end].decode("ascii", "replace")
    if not KEY_ID.match(key_id) or len(sealed) < ends[-1] + _TAG:
        raise Damaged("this is not a sealed record")
    binding, wrap_nonce, wrapped, body_nonce = (sealed[start:end] for start, end in pairwise(ends))
    return _Record(key_id, binding, wrap_nonce, wrapped, body_nonce, sealed[ends[-1] :])
