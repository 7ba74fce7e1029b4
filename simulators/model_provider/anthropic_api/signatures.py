"""Signatures of thinking blocks: whoever sends a block back must send what was signed."""

import base64
import binascii
from hashlib import sha256

_MARK = b"sim"


def sign(thinking: str) -> str:
    """Return the signature of a thinking block."""
    return base64.b64encode(_MARK + sha256(thinking.encode("utf-8", "surrogatepass")).digest()).decode()


def is_signed(thinking: str, signature: object) -> bool:
    """Return whether a signature is of this block, or of one whose thinking was not shown."""
    if not isinstance(signature, str):
        return False
    try:
        signed = base64.b64decode(signature, validate=True)
    except binascii.Error:
        return False
    return signed.startswith(_MARK) and (not thinking or signature == sign(thinking))
