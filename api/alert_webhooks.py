"""Where the alerts of a budget may be told: refused at once is what would never be sent."""

from api.gateway.fields import BadField
from api.gateway.job_wish import check_webhook
from api.parts import Parts
from api.problems import invalid
from domain.gateway import Webhook


def check_alert_webhook(parts: Parts, url: str | None, path: str = "/webhook") -> None:
    """Refuse a webhook that would never be sent. `path`: where it stands in the body.

    Raises:
        ApiProblem: There is nothing to sign with, or its URL leads where none is sent.
    """
    if url is None:
        return
    if not parts.deployment.webhooks:
        raise invalid("no_webhooks", path, "this installation has no LONGHAUL_WEBHOOK_SECRET to sign webhooks with")
    try:
        check_webhook(Webhook(url=url), allow_private=parts.current.private_webhooks)
    except BadField as refused:
        raise invalid(refused.code, path, refused.message) from None
