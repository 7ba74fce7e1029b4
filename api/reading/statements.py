"""Statements as text: a line for each entry, in JSON or CSV, in the order of the document."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from domain.budget import Price, Usage
from services.ledger.statements import ChargedCall, StatementEntry

_ENTRY: Final = tuple(name for name in StatementEntry.model_fields if name != "call")
_CALL: Final = tuple(name for name in ChargedCall.model_fields if name not in {"usage", "price"})
_USAGE: Final = tuple(Usage.model_fields)
_PRICE: Final = tuple(Price.model_fields)
COLUMNS: Final = (
    *_ENTRY,
    *("call_id" if name == "id" else name for name in _CALL),
    *_USAGE,
    *(f"price_{name}" for name in _PRICE),
)
"""Those of a call are empty in lines of other kinds."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by."""


def json_lines(entries: Sequence[StatementEntry]) -> str:
    """Return a line of JSON for each entry."""
    return "".join(f"{entry.model_dump_json()}\n" for entry in entries)


def csv_lines(entries: Sequence[StatementEntry]) -> str:
    """Return a heading and a line of CSV for each entry (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(entry) for entry in entries)
    return text.getvalue()


def _cells(entry: StatementEntry) -> list[str]:
    call = entry.call
    values = [getattr(entry, name) for name in _ENTRY]
    if call is None:
        values += [None] * (len(COLUMNS) - len(values))
    else:
        values += [getattr(call, name) for name in _CALL]
        values += [getattr(call.usage, name) for name in _USAGE]
        values += [getattr(call.price, name) for name in _PRICE]
    return [_cell(value) for value in values]


def _cell(value: object) -> str:
    """Return a value as a cell holds it; no text of a user's is a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
