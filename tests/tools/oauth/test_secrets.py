"""No token, code, secret or `state` is logged, shown or quoted in an error, whatever goes wrong."""

import logging
import traceback
from collections.abc import Iterator

import pytest

from domain.errors import LonghaulError
from domain.tool_server import AuthorizationCode, BearerToken, ClientCredentials
from services.storage.database import Database
from services.tools.sign_in import tokens
from services.tools.sign_in.oauth import ToolAuth
from services.tools.sign_in.tokens import Holder, SignInAnswer
from services.vault.vault import Vault
from tests.tools.oauth.parts import BY_CODE, CLIENT_ID, CLIENT_SECRET, Person, ask
from tests.tools.oauth.served import Sim

LEAKY = '{"access_token": "access-hunter2", "refresh_token": "refresh-hunter2", "token_type": "mac"}'
HALF = '{"refresh_token": "refresh-hunter2"}'
MARKS = ("access-", "refresh-", "code-", "hunter2", "state=")
"""How the simulator's tokens and codes begin, and what else must not be seen."""

BROWSER = {"httpx", "httpcore"}
"""What the test's own browser logs."""


@pytest.fixture
def seen(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What else was shown; at the end it and the log of all libraries at DEBUG are searched for secrets."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    yield shown
    records = [record for record in caplog.get_records("call") if record.name.partition(".")[0] not in BROWSER]
    text = "\n".join([*shown, *(f"{record.name} {caplog.handler.format(record)}" for record in records)])
    assert not [mark for mark in MARKS if mark in text], text[:2000]


async def test_nothing_is_told_when_all_goes_well(
    sim: Sim, tool_auth: ToolAuth, person: Person, seen: list[str], db: Database, vault: Vault
) -> None:
    await person.sign_in(tool_auth)
    auth = tool_auth.for_server(sim.server(BY_CODE), "ann")
    await ask(sim, auth)
    sim.expire()
    await ask(sim, auth)
    stored = await tokens.load(db, vault, Holder("guarded", "ann"))
    seen += [repr(auth), repr(vars(auth)), repr(stored), str(stored), repr(tool_auth), repr(vault)]


@pytest.mark.parametrize(
    ("status", "body"), [(200, HALF), (200, LEAKY), (400, LEAKY), (403, LEAKY), (500, LEAKY), (200, "[1]")]
)
async def test_nothing_is_told_when_the_token_endpoint_answers_oddly(
    sim: Sim, tool_auth: ToolAuth, person: Person, seen: list[str], status: int, body: str
) -> None:
    sim.behave(failure=status, failure_body=body)
    seen.append(await _failure_of(person.sign_in(tool_auth)))
    sim.behave()
    await person.sign_in(tool_auth)
    sim.expire()
    sim.behave(failure=status, failure_body=body)
    seen.append(await _failure_of(ask(sim, tool_auth.for_server(sim.server(BY_CODE), "ann"))))


async def test_nothing_is_told_when_a_configured_secret_is_refused(
    sim: Sim, tool_auth: ToolAuth, person: Person, seen: list[str]
) -> None:
    for auth in (
        ClientCredentials(client_id=CLIENT_ID, client_secret=f"not-{CLIENT_SECRET}"),
        BearerToken(token="access-hunter2"),
    ):
        made = tool_auth.for_server(sim.server(auth), "ann")
        seen.append(repr(vars(made)).replace("'_token': 'access-hunter2'", ""))
        if isinstance(auth, ClientCredentials):
            seen.append(await _failure_of(ask(sim, made)))
    wrong = AuthorizationCode(client_id=CLIENT_ID, client_secret=f"not-{CLIENT_SECRET}")
    seen.append(await _failure_of(person.sign_in(tool_auth, wrong)))


async def test_nothing_is_told_when_another_sign_in_comes_back(sim: Sim, tool_auth: ToolAuth, seen: list[str]) -> None:
    async def on_url(_url: str) -> None: ...

    async def wait_code(_state: str) -> SignInAnswer:
        return SignInAnswer(code="code-hunter2", state="hunter2")

    waiting = tool_auth.authorize(sim.server(BY_CODE), "ann", on_url=on_url, wait_code=wait_code)
    seen.append(await _failure_of(waiting))


async def _failure_of(work: object) -> str:
    """Return the error as a log or a history would show it: text, causes, and where it was raised."""
    with pytest.raises(LonghaulError) as caught:
        await work  # type: ignore[misc] # a coroutine of any result
    return "".join(traceback.format_exception(caught.value))
