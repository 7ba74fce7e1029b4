"""What can go wrong for the user of the command, as sentences that say what to do."""

from typing import Any, Final

import httpx

FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3


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
