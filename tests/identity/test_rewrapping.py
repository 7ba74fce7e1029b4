"""After a rotation of the master key: what identities have sealed is brought under the new one."""

import secrets

from services.identity.oidc.desk import bound_to
from services.identity.pepper import Pepper
from services.identity.rewrapping import rewrap
from services.identity.signing_keys import SigningKeys
from services.identity.tokens import Tokens
from services.storage.database import Database
from services.vault.vault import KEY_BYTES, Vault


async def test_secrets_move_to_the_master_key_in_use(first_start: Database) -> None:
    old, new = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
    before = Vault({"old": old}, active="old")
    digest = await Pepper(first_start, before).digest("a secret")
    token = await Tokens(SigningKeys(first_start, before)).issue("usr_a", "ses_a")
    sealed = before.seal(b"client", bound_to=bound_to("idp"))
    await first_start.fetch(
        "INSERT INTO oidc_provider (id, tenant, client_secret) VALUES ('idp', 'default', $1)", sealed
    )
    during = Vault({"old": old, "new": new}, active="new")
    assert await rewrap(first_start, during) == 3
    assert await rewrap(first_start, during) == 0
    after = Vault({"new": new}, active="new")
    assert await Pepper(first_start, after).digest("a secret") == digest
    assert (await Tokens(SigningKeys(first_start, after)).verify(token)).user_id == "usr_a"
    (row,) = await first_start.fetch("SELECT client_secret FROM oidc_provider")
    assert after.open(bytes(row["client_secret"]), bound_to=bound_to("idp")) == b"client"


async def test_what_cannot_be_opened_stays(first_start: Database, vault: Vault) -> None:
    await Pepper(first_start, vault).digest("a secret")
    other = Vault({"other": bytes(KEY_BYTES)}, active="other")
    assert await rewrap(first_start, other) == 0
    assert await Pepper(first_start, vault).digest("a secret")
