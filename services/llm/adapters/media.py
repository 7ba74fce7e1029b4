"""Images, files and sounds in messages of the OpenAI API, as values that other APIs' parts are made from."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from domain.errors import ModelRejected
from domain.json_fields import object_of, text_of

_SOUND = {"wav": "audio/wav", "mp3": "audio/mp3"}
_BY_ENDING = {"pdf": "application/pdf", "txt": "text/plain", "md": "text/plain", "csv": "text/csv"}


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, file or sound: one of `data` (base64), `url` and `file_id` is set. `mime` may be empty with a URL."""

    mime: str = ""
    data: str = ""
    url: str = ""
    file_id: str = ""
    name: str = ""


def media_in(part: Mapping[str, Any]) -> Media | None:
    """Return what a message's part holds, None for a part of another type.

    Raises:
        ModelRejected: The part is not what the OpenAI API says.
    """
    match part.get("type"):
        case "image_url":
            image = part.get("image_url")
            return _from_url(text_of(image) or text_of(object_of(image).get("url")), "")
        case "file":
            return _file(object_of(part.get("file")))
        case "input_audio":
            sound = object_of(part.get("input_audio"))
            return Media(_SOUND.get(text_of(sound.get("format")), "audio/wav"), text_of(sound.get("data")))
        case _:
            return None


def _file(file: Mapping[str, Any]) -> Media:
    name = text_of(file.get("filename"))
    if file.get("file_id"):
        return Media(file_id=text_of(file["file_id"]), name=name)
    data = text_of(file.get("file_data"))
    if data.startswith(("data:", "http://", "https://")):
        return _from_url(data, name)
    ending = name.rpartition(".")[2].lower()
    return Media(_BY_ENDING.get(ending, "application/pdf"), data, name=name)


def _from_url(url: str, name: str) -> Media:
    if not url.startswith("data:"):
        if not url.startswith(("http://", "https://")):
            raise ModelRejected("a message has an image or file without a usable URL")
        return Media(url=url, name=name)
    head, comma, data = url.removeprefix("data:").partition(",")
    if not comma:
        raise ModelRejected("a message has an image or file with a data URL that holds nothing")
    mime, *options = head.split(";")
    if "base64" not in options:
        data = b64encode(unquote_to_bytes(data)).decode()
    return Media(mime.strip().lower() or "text/plain", data, name=name)
