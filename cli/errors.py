"""What can go wrong for the user of the command, as sentences that say what to do."""

from http import HTTPStatus
from typing import Any, Final

import httpx

FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
_NO_KEY: Final = """The API does not know you: 401.
Set LONGHAUL_API_KEY to an API key of yours. `make run` keeps the first admin's in .longhaul/admin.key; it is taken from
there when LONGHAUL_API_KEY is not set."""


class CommandError(Exception):
    """Ends the command with a sentence and an exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        """Take what the user reads, and the exit code."""
        super().__init__(message)
        self.exit_code = exit_code


def unreachable(api: str) -> CommandError:
    """Return the error of an API that is not there."""
    return CommandError(
        f"No Longhaul API answers at {api}.\nStart it with `make run`, or name another with --api or LONGHAUL_API_URL.",
        UNREACHABLE,
    )


def refused(answer: httpx.Response) -> CommandError:
    """Return the error of an answer that is a problem document, or anything else that is no success."""
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return CommandError(_NO_KEY)
    try:
        problem: dict[str, Any] = answer.json()
        detail, problems = str(problem["detail"]), list(problem.get("problems", []))
    except (ValueError, KeyError, TypeError):
        return CommandError(f"The API answered {answer.status_code}; is it a Longhaul API?")
    lines = [f"{answer.status_code} {problem.get('code', '')}: {detail}"]
    lines += [f"  {item['path'] or '/'}: {item['message']} ({item['code']})" for item in problems]
    if "message_id" in problem:
        lines.append(f"  send it again with --message-id {problem['message_id']}")
    return CommandError("\n".join(lines))
