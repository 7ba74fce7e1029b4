"""The settings of who may come in, and from where: part of `runtime.settings.Settings`."""

import ipaddress
import re
from enum import StrEnum

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_KEY = re.compile(r"lh_[0-9a-f]{16}_[A-Za-z0-9_-]{43}\Z")


class Mode(StrEnum):
    """How strictly the settings are looked at before anything starts."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class EdgeSettings(BaseSettings):
    """The mode, the first admin's key, and whose word on a client's address is taken."""

    mode: Mode = Field(
        default=Mode.DEVELOPMENT,
        description="development, or production: then nothing starts with a default, generated or weak secret, with a "
        "stand-in for a model provider, or with an unencrypted way in.",
    )
    admin_key: SecretStr | None = Field(
        default=None,
        description="An API key of the first admin, as lh_, 16 hex digits, _ and 43 characters of base64url. Unset: "
        "the first start makes one and prints it once.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses and networks of proxies whose X-Forwarded-For is believed, separated by commas, such "
        "as 10.0.0.0/8.",
    )

    @field_validator("admin_key")
    @classmethod
    def _has_the_form(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and _KEY.match(key.get_secret_value()) is None:
            raise ValueError("must be lh_, 16 hex digits, _ and 43 characters of base64url")
        return key

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        networks_of(text)
        return text

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """The networks of `trusted_proxies`, one by one."""
        return networks_of(self.trusted_proxies)


def networks_of(text: str) -> tuple[Network, ...]:
    """Return addresses and networks that are separated by commas; an address is a network of one.

    Raises:
        ValueError: One is neither.
    """
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
