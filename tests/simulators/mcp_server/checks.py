"""What a behaviour must look like from outside, as predicates over what was seen."""

import json
from collections.abc import Callable

from simulators.model_provider.json_value import Json
from tests.simulators.mcp_server.raw import End, Kind, Seen

Check = Callable[[Seen], bool]
Row = tuple[Kind, Check]


def ends(how: End, *, after: bytes | None = None) -> Check:
    """The connection ends so; with nothing, or with something, sent."""
    return lambda seen: seen.end == how and (seen.data == after if after is not None else bool(seen.data))


def silent(seen: Seen) -> bool:
    return seen.data == b"" and seen.end == "open"


def status(code: int, **headers: str) -> Check:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda seen: seen.status == code and told.items() <= seen.headers.items()


def sends(part: bytes) -> Check:
    return lambda seen: part in seen.data


def no_json(seen: Seen) -> bool:
    """The body is complete and no JSON text."""
    try:
        json.loads(seen.body)
    except ValueError:
        return seen.status == 200
    return False


def answers(**fields: Json) -> Check:
    """The answer has these fields beside those of JSON-RPC."""
    return lambda seen: fields.items() <= seen.answer.items()


def fails(code: int) -> Check:
    return lambda seen: seen.answer["error"]["code"] == code


def tells(method: str, times: int) -> Check:
    """So many messages of a method come before an honest answer."""

    def check(seen: Seen) -> bool:
        *told, last = seen.messages
        return [one["method"] for one in told] == [method] * times and last["id"] == 7 and "result" in last

    return check


def tools(count: int) -> Check:
    return lambda seen: len(seen.result["tools"]) == count


def lists(name: str) -> Check:
    """The last tool has this name."""
    return lambda seen: seen.result["tools"][-1]["name"] == name
