"""The budgets and limits of keys themselves: set with a key in one transaction, and shown with it.

They only ever narrow: a key is subject to those of its user and its tenant as well. So who may make a key may set them;
who may lift them afterwards is said by the routes for budgets and limits.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from api.alert_webhooks import check_alert_webhook
from api.documents.keys import ApiKeyDocument, NewKeyBody, RotationBody
from api.parts import Parts
from domain.caller_limits import SubjectKind
from domain.errors import Unavailable
from services.identity.edit import Edit
from services.identity.key_rows import KeyView
from services.ledger import budgets
from services.ledger.budgets import BudgetView, NewBudget
from services.storage import limit_desk
from services.storage.limit_desk import LimitView
from services.storage.statements import Statements

Wanted = NewKeyBody | RotationBody


def check(parts: Parts, wanted: Wanted) -> None:
    """Refuse budgets whose alerts would never be told, before anything is written.

    Raises:
        ApiProblem: There is nothing to sign webhooks with, or one leads where none is sent.
    """
    for index, budget in enumerate(wanted.budgets):
        check_alert_webhook(parts, budget.webhook, f"/budgets/{index}/webhook")


async def add(edit: Edit, key: KeyView, wanted: Wanted) -> None:
    """Give a key budgets and limits beside those that it has, in the transaction of its making or rotation.

    Raises:
        Conflict: It has a limit of this kind and window, or as many as it may have.
    """
    subject = _subject(key)
    for budget in wanted.budgets:
        await budgets.create(edit.tx, edit.by, NewBudget(key.tenant, subject, budget.period, budget.terms()))
    for limit in wanted.limits:
        await limit_desk.add(edit.tx, edit.by, key.tenant, subject, limit)


async def hold_here(parts: Parts, wanted: Wanted) -> None:
    """Have new limits hold in this process at once; others see them within two seconds."""
    if wanted.limits:
        with suppress(Unavailable):
            await parts.limited.refresh()


async def shown(where: Statements, keys: Sequence[KeyView]) -> list[ApiKeyDocument]:
    """Return keys with their budgets and limits."""
    subjects = [_subject(key) for key in keys]
    of_money: defaultdict[str, list[BudgetView]] = defaultdict(list)
    of_rate: defaultdict[str, list[LimitView]] = defaultdict(list)
    for budget in await budgets.of_subjects(where, subjects):
        of_money[budget.subject].append(budget)
    for limit in await limit_desk.of_subjects(where, subjects):
        of_rate[limit.subject].append(limit)
    return [
        ApiKeyDocument(**dict(key), budgets=tuple(of_money[subject]), limits=tuple(of_rate[subject]))
        for key, subject in zip(keys, subjects, strict=True)
    ]


async def shown_one(where: Statements, key: KeyView) -> ApiKeyDocument:
    """Return a key with its budgets and limits."""
    return (await shown(where, [key]))[0]


def _subject(key: KeyView) -> str:
    return f"{SubjectKind.KEY}:{key.id}"
