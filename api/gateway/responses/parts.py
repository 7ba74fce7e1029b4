"""Content of the Responses API as content of a chat's message."""

from typing import Any

from api.gateway.fields import Fields

Part = dict[str, Any]


def content(item: Fields, key: str) -> str | list[Part]:
    """Return a content that is a text or parts.

    Raises:
        BadField: It is missing, or a chat has no form for a part.
    """
    if isinstance(item.required(key), str):
        return item.text(key)
    return [_part(part) for part in item.objects(key)]


def _part(part: Fields) -> Part:
    match part.text("type"):
        case "input_text" | "output_text":
            return {"type": "text", "text": part.text("text")}
        case "refusal":
            return {"type": "refusal", "refusal": part.text("refusal")}
        case "input_image":
            return _image(part)
        case "input_file":
            return _file(part)
        case "input_audio":
            return {"type": "input_audio", "input_audio": part.required("input_audio")}
        case _:
            raise part.bad("type", "is not supported here", "unsupported_value")


def _image(part: Fields) -> Part:
    if part.has("file_id"):
        raise part.bad("file_id", "is not supported here; give the image as `image_url`", "unsupported_parameter")
    detail = {"detail": part.text("detail")} if part.has("detail") else {}
    return {"type": "image_url", "image_url": {"url": part.text("image_url"), **detail}}


def _file(part: Fields) -> Part:
    if part.has("file_url"):
        raise part.bad("file_url", "is not supported here; give the file as `file_data`", "unsupported_parameter")
    named = {key: part.text(key) for key in ("file_id", "file_data", "filename") if part.has(key)}
    if not named.keys() & {"file_id", "file_data"}:
        part.required("file_data")
    return {"type": "file", "file": named}
