"""Open approvals as documents."""

import json
from typing import Any

from api.documents.approvals import ApprovalDocument
from domain.request import Approval
from services.storage import blobs
from services.storage.database import Tx


async def approval_documents(tx: Tx, approvals: tuple[Approval, ...]) -> list[ApprovalDocument]:
    """Return approvals with their whole arguments."""
    texts = await blobs.load_many(tx, {one.id: one.arguments for one in approvals if one.arguments is not None})
    return [_document(one, texts.get(one.id)) for one in approvals]


def _document(approval: Approval, arguments: str | None) -> ApprovalDocument:
    same: dict[str, Any] = {
        name: getattr(approval, name) for name in ApprovalDocument.model_fields if name != "arguments"
    }
    return ApprovalDocument(**same, arguments=None if arguments is None else json.loads(arguments))
