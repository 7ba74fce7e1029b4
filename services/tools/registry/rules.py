"""The rules of the approval policy in the database; `domain.tool_policy.rule_on` decides by them."""

from domain.errors import InvalidInput, NotFound
from domain.tool_policy import Rule
from services.storage import json_text
from services.storage.driver import Row
from services.storage.statements import Statements

RULES_LIMIT = 1000
"""Rules that an installation may have."""

_ALL = f"SELECT number, rule FROM tool_rule ORDER BY number LIMIT {RULES_LIMIT}"  # noqa: S608  our own constant
_ADD = """
    INSERT INTO tool_rule (rule) SELECT $1::jsonb WHERE (SELECT count(*) FROM tool_rule) < $2 RETURNING number, rule"""
_DELETE = "DELETE FROM tool_rule WHERE number = $1 RETURNING number"
_LARGEST = 2**63 - 1


async def all_rules(where: Statements) -> tuple[Rule, ...]:
    """Return every rule, the oldest first."""
    return tuple(_rule(row) for row in await where.fetch(_ALL))


async def add(where: Statements, rule: Rule) -> Rule:
    """Add a rule; it gets the next number, whatever number it has.

    Raises:
        InvalidInput: There are too many.
    """
    document = json_text.encode(rule.model_dump(mode="json", exclude={"number"}, exclude_none=True))
    rows = await where.fetch(_ADD, document, RULES_LIMIT)
    if not rows:
        raise InvalidInput(f"an installation has at most {RULES_LIMIT} rules")
    return _rule(rows[0])


async def delete(where: Statements, number: int) -> None:
    """Remove a rule.

    Raises:
        NotFound: There is none of this number.
    """
    if not 0 < number <= _LARGEST or not await where.fetch(_DELETE, number):
        raise NotFound("there is no such rule")


def _rule(row: Row) -> Rule:
    return Rule.model_validate({**row["rule"], "number": row["number"]})
