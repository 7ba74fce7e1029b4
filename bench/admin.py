"""The key by which the benchmarks call what they start."""

import secrets
from typing import Final

from domain.api_keys import PUBLIC_BYTES, SECRET_BYTES, SpelledKey, secret_of

KEY: Final = SpelledKey(secrets.token_hex(PUBLIC_BYTES), secret_of(secrets.token_bytes(SECRET_BYTES))).text
"""Made anew for each run."""
HEADERS: Final = {"authorization": f"Bearer {KEY}"}
VARIABLES: Final = {"LONGHAUL_ADMIN_KEY": KEY}
"""What tells our processes to take it."""
