"""The providers of a tenant, as its admins see and change them. What is another tenant's is not found."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import SecretStr

from domain.errors import Conflict, InvalidInput, NotFound, Problem
from domain.revisions import StaleRevision
from services.identity import session_rows
from services.identity.oidc.provider import ClientAuth, Spec, is_reached_safely
from services.storage import json_text
from services.storage.audit import Act, By, record
from services.storage.database import Database, Tx
from services.storage.driver import Row
from services.storage.statements import Statements
from services.vault.vault import Vault

AT_MOST: Final = 100
"""Providers of a tenant."""
KIND: Final = "oidc_provider"

_COLUMNS: Final = """
    SELECT id, tenant, data, client_secret, revision, disabled_at, created_at, updated_at FROM oidc_provider"""
_ONE: Final = f"{_COLUMNS} WHERE id = $1 AND ($2::text IS NULL OR tenant = $2)"
_PAGE: Final = f"{_COLUMNS} WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3"
_TURN: Final = "SELECT id FROM tenant WHERE id = $1 FOR UPDATE"
_COUNT: Final = "SELECT count(*) AS n FROM oidc_provider WHERE tenant = $1"
_INSERT: Final = """
    INSERT INTO oidc_provider (id, tenant, data, client_secret, revision) VALUES ($1, $2, $3, $4, 1)
    ON CONFLICT DO NOTHING RETURNING id"""
_UPDATE: Final = """
    UPDATE oidc_provider SET data = $2, client_secret = CASE WHEN $3 THEN $4 ELSE client_secret END,
        revision = revision + 1, updated_at = clock_timestamp() WHERE id = $1"""
_SWITCH: Final = """
    UPDATE oidc_provider SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, clock_timestamp()) END,
        revision = revision + 1, updated_at = clock_timestamp() WHERE id = $1"""
_HOLD: Final = """
    SELECT id FROM oidc_provider
    WHERE id = $1 AND tenant = $2 AND revision = $3 AND disabled_at IS NULL FOR SHARE"""
_DELETE: Final = (
    "DELETE FROM oidc_provider WHERE id = $1",
    "DELETE FROM oidc_identity WHERE provider_id = $1",
    "DELETE FROM oidc_state WHERE provider_id = $1",
)


class ProviderView(Spec):
    """A provider as people see it: never with its secret."""

    id: str
    tenant: str
    secret_set: bool
    disabled: bool
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class NewSecret:
    """A client secret to set; None: remove the stored one."""

    secret: SecretStr | None


@dataclass(frozen=True)
class Stored:
    """A provider as it is used. `secret`: sealed."""

    id: str
    tenant: str
    spec: Spec
    secret: bytes | None
    revision: int
    disabled: bool


def bound_to(provider_id: str) -> str:
    """Return what the seal of a client secret is bound to."""
    return f"{KIND}/{provider_id}"


def method(provider_id: str) -> str:
    """Return how sessions are named that begin by a provider."""
    return f"oidc:{provider_id}"


async def stored(where: Statements, provider_id: str) -> Stored | None:
    """Return a provider of whichever tenant, for a sign-in; None: there is none of this id."""
    rows = await where.fetch(_ONE, provider_id, None)
    return _stored(rows[0]) if rows else None


async def hold(tx: Tx, provider: Stored) -> bool:
    """Keep a provider as it is until the transaction ends; False: it has been changed since."""
    return bool(await tx.fetch(_HOLD, provider.id, provider.tenant, provider.revision))


class ProviderDesk:
    """Changes of providers. Each is a transaction with its audit."""

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault

    async def page(self, tenant: str, after: str | None, limit: int) -> tuple[list[ProviderView], str | None]:
        """Return a tenant's providers by id, and the id after which the next page begins; None: this was the last."""
        rows = await self._db.fetch(_PAGE, tenant, after or "", limit + 1)
        return [_view(row) for row in rows[:limit]], rows[limit - 1]["id"] if len(rows) > limit else None

    async def read(self, tenant: str, provider_id: str) -> ProviderView:
        """Return a provider. Raises NotFound."""
        return _view(await _row(self._db, tenant, provider_id))

    async def create(self, by: By, provider_id: str, spec: Spec, secret: NewSecret | None) -> ProviderView:
        """Add a provider of the tenant for which it is done.

        Raises:
            Conflict: There is one of this id, perhaps another tenant's.
            InvalidInput: An address or the secret is refused, or there are too many.
        """
        _check(spec, has_secret=secret is not None and secret.secret is not None)
        async with self._db.transaction() as tx:
            await tx.fetch(_TURN, by.tenant)
            if (await tx.fetch(_COUNT, by.tenant))[0]["n"] >= AT_MOST:
                raise InvalidInput(f"a tenant has at most {AT_MOST} OpenID providers")
            row = (provider_id, by.tenant, _json(spec), self._sealed(provider_id, secret))
            if not await tx.fetch(_INSERT, *row):
                message = "there is an OpenID provider of this id already"
                raise Conflict(message, (Problem(code="duplicate_id", path="/id", message=message),))
            return await self._noted(tx, by, "create", provider_id, _said(spec, secret))

    async def replace(
        self, by: By, provider_id: str, spec: Spec, secret: NewSecret | None, expected: int | None
    ) -> ProviderView:
        """Replace a provider; without `secret` the stored one stays. Its issuer stays the same.

        Raises:
            NotFound: The tenant has none of this id.
            StaleRevision: It has another revision than expected.
            InvalidInput: An address or the secret is refused, or the issuer is another.
        """
        async with self._db.transaction() as tx:
            now = _stored(await _row(tx, by.tenant, provider_id, expected))
            if spec.issuer != now.spec.issuer:
                raise _refused("issuer", "the issuer stays: with another one the same subjects would be other people")
            has_secret = now.secret is not None if secret is None else secret.secret is not None
            _check(spec, has_secret=has_secret)
            row = (provider_id, _json(spec), secret is not None, self._sealed(provider_id, secret))
            await tx.fetch(_UPDATE, *row)
            return await self._noted(tx, by, "replace", provider_id, _said(spec, secret))

    async def switch(self, by: By, provider_id: str, *, disabled: bool, expected: int | None) -> ProviderView:
        """Take a provider out of use, or into it again. Out of use its sessions end.

        Raises:
            NotFound: The tenant has none of this id.
            StaleRevision: It has another revision than expected.
        """
        async with self._db.transaction() as tx:
            await _row(tx, by.tenant, provider_id, expected)
            await tx.fetch(_SWITCH, provider_id, disabled)
            if disabled:
                await session_rows.end_method(tx, method(provider_id))
            return await self._noted(tx, by, "disable" if disabled else "enable", provider_id, {})

    async def delete(self, by: By, provider_id: str, expected: int | None) -> None:
        """Remove a provider: its sessions and sign-ins under way end, and nobody is known by it any more. Users stay.

        Raises:
            NotFound: The tenant has none of this id.
            StaleRevision: It has another revision than expected.
        """
        async with self._db.transaction() as tx:
            await _row(tx, by.tenant, provider_id, expected)
            await session_rows.end_method(tx, method(provider_id))
            for statement in _DELETE:
                await tx.fetch(statement, provider_id)
            await record(tx, by, Act(f"{KIND}.delete", KIND, provider_id))

    def _sealed(self, provider_id: str, secret: NewSecret | None) -> bytes | None:
        if secret is None or secret.secret is None:
            return None
        return self._vault.seal(secret.secret.get_secret_value().encode(), bound_to=bound_to(provider_id))

    async def _noted(self, tx: Tx, by: By, verb: str, provider_id: str, said: dict[str, Any]) -> ProviderView:
        await record(tx, by, Act(f"{KIND}.{verb}", KIND, provider_id, said))
        return _view(await _row(tx, by.tenant, provider_id))


async def _row(where: Statements, tenant: str, provider_id: str, expected: int | None = None) -> Row:
    """Return a tenant's provider, in a transaction to be changed: then nobody else does until it ends."""
    statement = f"{_ONE} FOR UPDATE" if isinstance(where, Tx) else _ONE
    rows = await where.fetch(statement, provider_id, tenant)
    if not rows:
        raise NotFound("there is no such OpenID provider")
    if expected is not None and rows[0]["revision"] != expected:
        raise StaleRevision(f"the provider has been changed since: it is at revision {rows[0]['revision']}")
    return rows[0]


def _check(spec: Spec, *, has_secret: bool) -> None:
    if not is_reached_safely(spec.issuer, allow_private=spec.allow_private):
        raise _refused("issuer", "an issuer is reached by https, unless it may be in a private network")
    if has_secret == (spec.client_auth is ClientAuth.NONE):
        raise _refused("client_secret", "a client has a secret, unless client_auth is none")


def _refused(field: str, message: str) -> InvalidInput:
    return InvalidInput(message, (Problem(code=f"bad_{field}", path=f"/{field}", message=message),))


def _json(spec: Spec) -> str:
    return json_text.encode(spec.model_dump(mode="json"))


def _said(spec: Spec, secret: NewSecret | None) -> dict[str, Any]:
    word = "kept" if secret is None else "removed" if secret.secret is None else "set"
    return {**spec.model_dump(mode="json"), "client_secret": word}


def _stored(row: Row) -> Stored:
    spec = Spec.model_validate(row["data"])
    disabled = row["disabled_at"] is not None
    return Stored(row["id"], row["tenant"], spec, row["client_secret"], row["revision"], disabled)


def _view(row: Row) -> ProviderView:
    told = {name: row[name] for name in ("id", "tenant", "revision", "created_at", "updated_at")}
    secret_set, disabled = row["client_secret"] is not None, row["disabled_at"] is not None
    return ProviderView(**row["data"], **told, secret_set=secret_set, disabled=disabled)
