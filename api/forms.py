"""Reading a form as OAuth has it: each name once, few of them, UTF-8."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from api.bodies import is_storable
from api.oauth_problems import INVALID_REQUEST
from api.problems import ApiProblem

MOST_BYTES: Final = 16 * 1024
MOST_FIELDS: Final = 20
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a form by name. None may occur twice, and an empty one counts as none (RFC 6749, 3.2).

    Raises:
        ApiProblem: 415 another content type, 413 too long, 400 not a form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise ApiProblem(415, INVALID_REQUEST, f"the content type of a form is {MEDIA_TYPE}")
    raw = await request.body()
    if len(raw) > MOST_BYTES:
        raise ApiProblem(413, INVALID_REQUEST, f"a form has at most {MOST_BYTES} bytes")
    try:
        text = raw.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise ApiProblem(400, INVALID_REQUEST, "this is no form, or it has too many fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ApiProblem(400, INVALID_REQUEST, "a field occurs twice")
    if not all(is_storable(name) and is_storable(value) for name, value in pairs):
        raise ApiProblem(400, INVALID_REQUEST, "a field holds a NUL")
    return {name: value for name, value in pairs if value}
