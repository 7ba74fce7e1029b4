"""Accounts, as admins see and change them. A credential goes in and never comes out again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from domain.errors import Problem
from domain.model_pool import Account, LimitKind
from domain.value import Value
from services.llm.config import credentials, limits
from services.llm.config.edit import Edit, Source
from services.llm.config.providers import NAMED_AT_MOST, in_the_way
from services.llm.config.rules import account_problems, refuse
from services.llm.config.shelf import ACCOUNTS, PROVIDERS, Stored, shown
from services.storage.driver import Row
from services.storage.statements import Statements
from services.vault.vault import Vault

_STATE = """
    SELECT id, credential, credential_set_at, parked_at, parked_code, parked_note, checked_at, check_error
    FROM pool_account WHERE id = ANY($1::text[])"""
_SET_CREDENTIAL = """
    UPDATE pool_account SET credential = $2, credential_set_at = CASE WHEN $2::bytea IS NULL THEN NULL
        ELSE clock_timestamp() END WHERE id = $1"""
_DEPLOYMENTS = "SELECT id FROM pool_deployment WHERE account_id = $1 ORDER BY id LIMIT $2"


@dataclass(frozen=True)
class NewCredential:
    """A credential to be set; `secret` None: the account has none from now on."""

    secret: SecretStr | None

    @property
    def noted(self) -> str:
        """What the audit says of it."""
        return "removed" if self.secret is None else "set"


class Parked(Value):
    """An account that is out of use because its credential is taken for dead. `code`, `note`: why."""

    at: datetime
    code: str
    note: str


class LearntLimit(Value):
    """A limit that the provider's answers told. `remaining` until `resets_at`, as it was told last."""

    kind: LimitKind
    window_s: float
    amount: int
    remaining: int | None
    resets_at: datetime | None


class AccountView(Account):
    """An account with what is known of it, without its credential.

    Attributes:
        credential_readable: Whether the master keys at hand open it; None: there is none.
        checked_at: When a free call was made with it last; `check_error`: what was wrong then.
    """

    source: Source
    revision: int
    has_credential: bool
    credential_set_at: datetime | None
    credential_readable: bool | None
    parked: Parked | None
    checked_at: datetime | None
    check_error: str | None
    learnt_limits: tuple[LearntLimit, ...]
    created_at: datetime
    updated_at: datetime


async def views(where: Statements, vault: Vault, stored: Sequence[Stored[Account]]) -> list[AccountView]:
    """Return accounts as people see them; one that was removed meanwhile is left out."""
    ids = [each.value.id for each in stored]
    states = {row["id"]: row for row in await where.fetch(_STATE, ids)}
    learnt = await limits.learnt(where, ids)
    return [
        AccountView(
            **shown(each),
            **_state(vault, states[each.value.id]),
            learnt_limits=tuple(LearntLimit.model_validate(row) for row in learnt.get(each.value.id, ())),
        )
        for each in stored
        if each.value.id in states
    ]


def _state(vault: Vault, row: Row) -> dict[str, Any]:
    sealed = None if row["credential"] is None else bytes(row["credential"])
    parked = None
    if row["parked_at"] is not None:
        parked = Parked(at=row["parked_at"], code=row["parked_code"] or "", note=row["parked_note"] or "")
    return {
        "has_credential": sealed is not None,
        "credential_set_at": row["credential_set_at"],
        "credential_readable": None if sealed is None else credentials.can_be_opened(vault, row["id"], sealed),
        "parked": parked,
        "checked_at": row["checked_at"],
        "check_error": row["check_error"],
    }


async def create(edit: Edit, vault: Vault, account: Account, credential: NewCredential | None) -> None:
    """Add an account.

    Raises:
        Conflict: There is one of this id.
        InvalidInput: It names no provider, has two limits of one kind and window, or there are too many.
    """
    await _check(edit, account)
    await ACCOUNTS.make_room(edit.tx)
    await put(edit, vault, account, credential, new=True)


async def replace(
    edit: Edit, vault: Vault, account: Account, credential: NewCredential | None, expected: int | None
) -> None:
    """Replace an account; without `credential` the stored one stays.

    Raises:
        NotFound: There is none of this id.
        StaleRevision: It has another revision than expected.
        InvalidInput: As `create`.
    """
    await _check(edit, account)
    await put(edit, vault, account, credential, expected=expected)


async def put(
    edit: Edit,
    vault: Vault,
    account: Account,
    credential: NewCredential | None,
    *,
    new: bool = False,
    expected: int | None = None,
) -> None:
    """Store an account with its limits, and its credential if one is given; what it stands on is not checked.

    What answers have told of limits is forgotten with the old credential: the new one has its own.
    """
    noted: dict[str, Any] = {}
    if credential is not None and not (new and credential.secret is None):
        noted["credential"] = credential.noted
    if new:
        await ACCOUNTS.add(edit, account, **noted)
    else:
        await ACCOUNTS.change(edit, account, expected=expected, **noted)
    await limits.configure(edit.tx, account.id, account.limits)
    if credential is not None:
        secret = credential.secret
        sealed = None if secret is None else credentials.seal(vault, account.id, secret.get_secret_value())
        await edit.tx.fetch(_SET_CREDENTIAL, account.id, sealed)
        await limits.forget_learnt(edit.tx, account.id)


async def delete(edit: Edit, account_id: str, expected: int | None) -> None:
    """Remove an account without deployments, its credential and its limits; its calls stay on record.

    Raises:
        NotFound: There is none of this id.
        Conflict: It has deployments, which are named; or another revision than expected.
    """
    rows = await edit.tx.fetch(_DEPLOYMENTS, account_id, NAMED_AT_MOST)
    in_the_way("deployments", [row["id"] for row in rows])
    await remove(edit, account_id, expected)


async def remove(edit: Edit, account_id: str, expected: int | None = None) -> None:
    """Remove an account, whatever stands on it."""
    await ACCOUNTS.remove(edit, (account_id,), expected)
    await limits.forget(edit.tx, account_id)


async def _check(edit: Edit, account: Account) -> None:
    problems = account_problems(account)
    if await PROVIDERS.find(edit.tx, (account.provider_id,)) is None:
        message = "there is no provider of this id"
        problems.append(Problem(code="unknown_provider", path="/provider_id", message=message))
    refuse(problems)
