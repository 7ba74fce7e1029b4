"""All by which people log in, put together over one database: for the API's routes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.live_settings import LiveValues
from services.identity.lockout import Patience
from services.identity.log_ins import LogIns
from services.identity.oidc.desk import ProviderDesk
from services.identity.oidc.sign_ins import OidcSignIns
from services.identity.passwords import Passwords
from services.identity.pepper import Pepper
from services.identity.signing_keys import SigningKeys
from services.identity.tokens import Tokens
from services.storage.database import Database
from services.vault.vault import Vault


@dataclass(frozen=True)
class Doors:
    """The parts. `tokens` is also for the `Authenticator`, so that both know the same keys."""

    keys: SigningKeys
    tokens: Tokens
    log_ins: LogIns
    sign_ins: OidcSignIns
    providers: ProviderDesk

    async def hear(self, values: LiveValues) -> None:
        """Go by the live settings from now on."""
        self.tokens.lives_s = values.access_token_s
        self.log_ins.patience = Patience(values.login_free_tries, values.login_longest_wait_s)


def open_doors(
    db: Database, vault: Vault, *, passwords: Passwords | None = None, now: Callable[[], float] = time.time
) -> Doors:
    """Put them together. One a process; nothing is asked of the database yet.

    Args:
        db: The database.
        vault: Seals and opens what is secret.
        passwords: Hashes passwords; None: by the parameters of today.
        now: The clock of tokens, Unix time in seconds.
    """
    keys = SigningKeys(db, vault)
    tokens = Tokens(keys, now)
    log_ins = LogIns(db, tokens, passwords or Passwords(), Pepper(db, vault))
    return Doors(keys, tokens, log_ins, OidcSignIns(db, vault, log_ins, now), ProviderDesk(db, vault))
