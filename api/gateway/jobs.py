"""Jobs: calls that are answered with 202 at once, and made when their turn comes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response

from api.caller import Caller
from api.documents.jobs import JobDocument, JobStatus, job_document, path_of
from api.gateway.fields import BadField
from api.gateway.following import Asked, Following, begin
from api.gateway.headers import CALL_ID
from api.gateway.job_wish import PREFERENCE, check_webhook, prefers_job
from api.gateway.problems import of_field, refusal
from api.limit_headers import openai_headers
from api.parts import Parts
from contracts.jobs import JOB_PATIENCE
from domain.gateway import CallOptions
from services.storage import jobs

ACCEPTED: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "description": "With `async`: the call is a job. Location and `links` say where to ask for it.",
        "model": JobDocument,
        "headers": {"Location": {"description": "Where to ask how it stands.", "schema": {"type": "string"}}},
    }
}
"""What a route's operation says of the answer to a job."""


async def answer_job(parts: Parts, caller: Caller, asked: Asked, headers: Mapping[str, str]) -> Response:
    """Accept a job, or find the one that its Idempotency-Key made, and say where to ask for it.

    Raises:
        GatewayProblem: As `begin`; or its webhook cannot be sent.
        IdempotencyKeyReused: The key was used with another body.
        Unavailable: The database or Temporal does not answer.
    """
    _check_webhook(parts, asked.options)
    async with await begin(parts, caller, replace(asked, options=_patient(asked.options))) as following:
        document = job_document(following.call_id, await _status(parts, following))
    told = {"Location": path_of(document.id), CALL_ID: document.id, **openai_headers()}
    if prefers_job(headers):
        told["Preference-Applied"] = PREFERENCE
    return Response(document.model_dump_json(), 202, told, "application/json")


def _check_webhook(parts: Parts, options: CallOptions) -> None:
    webhook, deployment = options.webhook, parts.current
    if webhook is None:
        return
    if not deployment.webhooks:
        message = "webhooks are not signed here, and so not sent: LONGHAUL_WEBHOOK_SECRET is not set"
        raise refusal(400, "webhooks_not_configured", message, "longhaul.webhook")
    try:
        check_webhook(webhook, allow_private=deployment.private_webhooks)
    except BadField as bad:
        raise of_field(bad) from None


def _patient(options: CallOptions) -> CallOptions:
    """Return the options with the wait of a job that names none: for its turn and for capacity together."""
    if options.wait_s is not None:
        return options
    return options.model_copy(update={"wait_s": JOB_PATIENCE.total_seconds()})


async def _status(parts: Parts, following: Following) -> JobStatus:
    if following.outcome is not None:
        return following.outcome.phase
    if following.began_it:
        return "queued"
    return "running" if (await jobs.standing(parts.database, following.call_id)).begun else "queued"
