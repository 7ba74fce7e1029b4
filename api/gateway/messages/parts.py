"""One block of Anthropic's Messages API as a content part of the OpenAI API, its other fields kept beside."""

import base64
from typing import Any

from api.gateway.fields import Fields

Part = dict[str, Any]


def part(block: Fields) -> Part:
    """Return the part for a block; one that the OpenAI API has no form for goes on as it came.

    Raises:
        BadField: A block of a known type is not whole.
    """
    kind = block.text("type")
    if kind == "text":
        return text_part(block)
    if kind == "image":
        return _image(block)
    if kind == "document":
        return _document(block)
    return dict(block.values)


def text_part(block: Fields) -> Part:
    """Return the part for a block of text."""
    return {"type": "text", "text": block.text("text"), **block.rest("type", "text")}


def _image(block: Fields) -> Part:
    source = _source(block)
    match source.text("type"):
        case "base64":
            url = _data_url(source.text("media_type"), source.text("data"))
        case "url":
            url = source.text("url")
        case _:
            return dict(block.values)
    return {"type": "image_url", "image_url": {"url": url}, **block.rest("type", "source")}


def _document(block: Fields) -> Part:
    """Return the part for a document. `title` stays beside its file name: a name is made up where there is none."""
    source = _source(block)
    title = block.maybe_text("title")
    match source.text("type"):
        case "base64":
            file = {"file_data": _data_url(source.text("media_type"), source.text("data"))}
            file["filename"] = title or "document.pdf"
        case "text":
            data = base64.b64encode(source.text("data").encode()).decode()
            file = {"file_data": _data_url(source.text("media_type"), data), "filename": title or "document.txt"}
        case "file":
            file = {"file_id": source.text("file_id")}
        case _:
            return dict(block.values)
    return {"type": "file", "file": file, **block.rest("type", "source")}


def _source(block: Fields) -> Fields:
    return Fields.of(block.required("source"), block.at("source"))


def _data_url(media_type: str, data: str) -> str:
    return f"data:{media_type};base64,{data}"
