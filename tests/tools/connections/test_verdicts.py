import pytest

from services.tools.client.verdicts import SHORT, says_error, says_outage, says_sign_in, says_unknown


@pytest.mark.parametrize(
    "text",
    [
        "Error: no such file",
        "error - it broke",
        "ERROR",
        "  Error!\n",
        "An error occurred while fetching the page",
        "Unexpected error: 5",
        "Internal server error: sorry",
        "Error 404: not found",
        "Error executing tool x: boom",
        "Error calling tool",
        "Exception: boom",
        "ValueError: bad",
        "jira.exceptions.JIRAException: bad",
        "Failed to connect",
        "failed: no route",
        "Fatal: not a git repository",
        "Traceback (most recent call last):\n  File",
        "404 Client Error: Not Found for url",
        "HTTP 500 Server Error",
        "Access denied",
        "Permission denied: /root",
        "Unauthorized",
        "forbidden",
        "panic: runtime error",
        "❌ Error: no",
        '{"error": "no such issue"}',
        '{"error": {"code": 5}, "status": 404}',
        '{"success": false, "message": "no"}',
        '{"ok": false}',
        '{"result": "Error: no such issue"}',
    ],
)
def test_a_success_that_says_error_is_one(text: str) -> None:
    assert says_error(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fine",
        "Errors: none",
        "Error handling in Python is done with try and except.",
        "The error was: nothing",
        "errors",
        "Failed tests are listed below: none",
        "Unauthorized access is logged by the system.",
        "Error: " + "x" * SHORT,
        "Exceptional results",
        '{"error": null, "result": 1}',
        '{"error": "", "items": []}',
        '{"error": false}',
        '{"error": "partly", "results": [1]}',
        '{"success": true, "message": "Error: none"}',
        '{"key": "DEMO-1", "summary": "Error: login fails"}',
        '{"errors": []}',
        '["error"]',
        "{not json",
        '{"result": "all errors are fixed"}',
        "[" * 100_000,
        "{" * 100_000,
    ],
)
def test_a_success_stays_one(text: str) -> None:
    assert not says_error(text)


@pytest.mark.parametrize(
    "text", ["HTTPError", " HTTPError\n", "ReadTimeout", "ConnectError.", "Error calling tool 'jira_search': HTTPError"]
)
def test_the_bare_name_of_a_network_error_is_an_outage(text: str) -> None:
    assert says_outage(text)


@pytest.mark.parametrize("text", ["", "HTTPError: 404 not found", "no HTTPError", "the issue is called HTTPError"])
def test_an_error_that_says_more_is_none(text: str) -> None:
    assert not says_outage(text)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("Unknown tool: x", True),
        ("Tool x not found", True),
        ("MCP error -32602: Tool 'x' not found", True),
        ("Unknown prompt: y", True),
        ("Unknown resource: z", True),
        ("no such tool", True),
        ("issue DEMO-1 not found", False),
        ("the tool failed", False),
        ("Unknown tool " + "x" * SHORT, False),
    ],
)
def test_what_the_server_does_not_know(text: str, unknown: bool) -> None:
    assert says_unknown(text) is unknown


@pytest.mark.parametrize(
    "text",
    [
        "Error calling tool 'search': 503 Server Error: Service Unavailable for url: http://jira/rest/api/2/search?jql=x",
        "Error calling tool 'x': ('Connection aborted.', RemoteDisconnected('Remote end closed connection'))",
        "HTTPConnectionPool(host='jira', port=80): Max retries exceeded with url: / (Caused by NewConnectionError())",
        "Error: HTTPConnectionPool(host='jira'): Read timed out. (read timeout=20)",
        "Could not connect to Jira at http://jira",
        "Jira API rate limit hit (429). No Retry-After header.",
    ],
)
def test_an_outage_behind_a_tool_is_one(text: str) -> None:
    assert says_outage(text)
    assert not says_sign_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "Authentication failed for Jira API (401). Token may be expired or invalid. Please verify credentials.",
        "401 Client Error: Unauthorized for url: http://jira/rest/api/2/myself",
        "the access token expired",
        "Client must be authenticated to access this resource.",
    ],
)
def test_a_credential_that_is_not_accepted_behind_a_tool_wants_a_sign_in(text: str) -> None:
    assert says_sign_in(text)
    assert not says_outage(text)


@pytest.mark.parametrize(
    "text", ["Issue DEMO-401 not found", "no permission to edit", "503 issues found", "timeout=20"]
)
def test_other_failures_are_neither(text: str) -> None:
    assert not says_sign_in(text)
    assert not says_outage(text)
