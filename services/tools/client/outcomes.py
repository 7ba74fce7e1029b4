"""Whether a tool's result is an answer or the report of a failure."""

import mcp_types as types

from domain.errors import ToolAuthNeeded, ToolError, ToolFailed, ToolUnavailable
from services.tools.client.answers import Answer, Reader, texts
from services.tools.client.errors import bounded
from services.tools.client.requests import Call, Result
from services.tools.client.verdicts import says_error, says_outage, says_sign_in


def read(result: Result, reader: Reader, call: Call) -> Answer:
    """Return a result as an answer.

    Raises:
        ToolFailed: It is a failure, told by its flag or by its text only.
        ToolUnavailable: The failure is no more than the name of a network error.
        ToolAnswerTooLarge: It is over the limit.
        ToolAnswerInvalid: It holds what is no JSON.
    """
    if isinstance(result, types.ReadResourceResult):
        return reader.resource(result)
    if isinstance(result, types.GetPromptResult):
        return reader.prompt(result)
    if result.is_error:
        raise _failure(texts(result.content))
    answer = reader.tool(result, call.output_schema)
    if says_error(answer.text):
        raise ToolFailed(f"the tool said that it succeeded, but its answer is an error: {bounded(answer.text)}")
    return answer


def _failure(text: str) -> ToolError:
    if says_outage(text):
        return ToolUnavailable(f"the tool failed to reach what it works with ({bounded(text)})", may_have_happened=True)
    if says_sign_in(text):
        return ToolAuthNeeded(bounded(text))
    return ToolFailed(bounded(text) or "the tool failed and does not say why")
