"""What goes wrong inside is told without its inside, and what hangs is ended."""

import asyncio
import logging

import pytest
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS
from starlette.requests import Request

from api.mcp_server import refusals
from api.problems import ApiProblem, not_found


def request_of() -> Request:
    return Request({"type": "http", "headers": [], "state": {"request_id": "abc-1"}})


def test_fault_of_ours_is_hidden_from_the_client_and_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    document = refusals.tell(ValueError("the secret of the inside"), request_of())
    assert (document.code, document.status, document.request_id) == ("internal", 500, "abc-1")
    assert "secret" not in document.model_dump_json() + caplog.text
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert vars(record)["fields"]["fault"] == "ValueError"
    assert refusals.as_error(document).error.code == INTERNAL_ERROR


def test_refusal_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    document = refusals.tell(not_found("request"), request_of())
    assert refusals.as_error(document).error.code == INVALID_PARAMS
    assert refusals.as_result(document).is_error
    assert not caplog.records


async def test_call_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "CALL_LIMIT_S", 0.05)
    with pytest.raises(ApiProblem) as caught:
        await refusals.bounded(asyncio.Event().wait())
    assert (caught.value.status_code, caught.value.code) == (504, "no_answer_in_time")
