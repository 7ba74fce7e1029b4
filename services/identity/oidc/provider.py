"""An OpenID provider as it is configured, and which of its addresses are taken."""

from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from domain.value import Value

PROVIDER_ID: Final = r"^[a-z][a-z0-9_-]{0,39}$"
_PRINTABLE: Final = r"^[\x21-\x7e]+$"
_SCOPE: Final = r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$"


class ClientAuth(StrEnum):
    """How we show a provider's token endpoint who we are."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    NONE = "none"


def plain_url(text: str) -> str:
    """Return a URL of http or https with a host, without user, password, query and fragment.

    Raises:
        ValueError: It is none.
    """
    url = urlsplit(text)
    if url.scheme not in {"https", "http"} or not url.hostname or url.port == 0:
        raise ValueError("this is no http or https URL")
    if url.username is not None or url.password is not None or "?" in text or "#" in text:
        raise ValueError("a URL here has no password, no query and no fragment")
    return text


Url = Annotated[str, Field(min_length=8, max_length=500, pattern=_PRINTABLE), AfterValidator(plain_url)]


class Spec(Value):
    """What an admin says of a provider.

    Attributes:
        name: What people read.
        issuer: Its issuer identifier, exactly as its metadata and ID tokens spell it; stays as it is, for with another
            issuer the same subjects would be other people.
        client_id: Who we are there.
        client_auth: How we show it.
        scopes: What is asked for beside `openid`.
        redirect_uri: Where browsers come back to, as it is registered there; null: this API's public URL, else its
            address as the browser knows it, and `/v1/auth/oidc/<id>/callback`.
        creates_users: Whether people who come for the first time are made members of the tenant.
        allow_private: Whether it may be in a private network or on this machine, and be reached by http.
    """

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
    issuer: Url
    client_id: str = Field(min_length=1, max_length=200, pattern=_PRINTABLE)
    client_auth: ClientAuth = ClientAuth.BASIC
    scopes: tuple[Annotated[str, Field(pattern=_SCOPE)], ...] = Field(default=("profile", "email"), max_length=20)
    redirect_uri: Url | None = None
    creates_users: bool = False
    allow_private: bool = False


def is_reached_safely(url: str, *, allow_private: bool) -> bool:
    """Whether a URL of a provider may be asked: by https, but where private networks are allowed."""
    try:
        scheme = urlsplit(url).scheme
        host = urlsplit(url).hostname
    except ValueError:
        return False
    return bool(host) and (scheme == "https" or (scheme == "http" and allow_private))
