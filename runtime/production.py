"""What production refuses: default, generated or weak secrets, stand-ins, and an unencrypted way in."""

import base64
import binascii
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from runtime.edge_settings import Mode
from runtime.settings import Settings, SettingsError, variable

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

_FEWEST_DIFFERENT: Final = 10
"""Random keys of 24 bytes and more have more different bytes than that."""
_USUAL: Final = frozenset(
    {
        "postgres",
        "postgresql",
        "password",
        "passwd",
        "longhaul",
        "secret",
        "changeme",
        "admin",
        "root",
        "test",
        "example",
    }
)


def refusals(settings: Settings) -> tuple[str, ...]:
    """Return all that production mode refuses in these settings, each with its variable; of development nothing.

    No sentence says a secret.
    """
    return tuple(_refusals(settings)) if settings.mode is Mode.PRODUCTION else ()


def demand(settings: Settings) -> None:
    """Return if a process may start with these settings.

    Raises:
        SettingsError: Production refuses some; the text names all of them.
    """
    refused = refusals(settings)
    if refused:
        raise SettingsError("production refuses to start:\n" + "\n".join(f"- {each}" for each in refused))


def _refusals(settings: Settings) -> Iterator[str]:
    yield from _keys(settings)
    yield from _stand_ins(settings)
    yield from _ways_in(settings)


def _keys(settings: Settings) -> Iterator[str]:
    if settings.master_keys is None:
        yield f"{variable('master_keys')} is not set: a key would be made and kept beside the data that it seals"
    elif any(_is_weak(part.partition(":")[2]) for part in settings.master_keys.get_secret_value().split(",")):
        yield f"{variable('master_keys')} holds a key that is not random"
    if settings.admin_key is not None and _is_weak(settings.admin_key.get_secret_value().rpartition("_")[2]):
        yield f"{variable('admin_key')} is not random"
    secrets = settings.webhook_secrets
    if secrets is not None and any(_looks_made_up(key) for key in secrets.keys):
        yield f"{variable('webhook_secret')} is not random"
    if settings.database_url is not None and _is_usual(settings.database_url.get_secret_value()):
        yield f"{variable('database_url')} has a password that everybody tries first"


def _stand_ins(settings: Settings) -> Iterator[str]:
    if settings.provider_label == "simulated":
        yield f"{variable('provider_label')} says that a simulated provider answers"
    if settings.database_url is None:
        yield f"{variable('database_url')} is not set: a database of this machine alone would be started"
    if settings.temporal_address is None:
        yield f"{variable('temporal_address')} is not set: a development server would be started"
    if settings.failpoints is not None:
        yield f"{variable('failpoints')} is set: processes would fail on purpose"


def _ways_in(settings: Settings) -> Iterator[str]:
    public = settings.public_url
    encrypted = public is not None and public.scheme == "https"
    if public is not None and not encrypted and (public.host or "").strip("[]") not in LOOPBACK:
        yield f"{variable('public_url')} is not https: keys would travel in the clear"
    elif not encrypted and settings.api_host not in LOOPBACK:
        yield (
            f"{variable('api_host')} is open to others, and {variable('public_url')} does not say that a proxy "
            "with TLS stands before it"
        )
    if any(network.prefixlen == 0 for network in settings.proxy_networks):
        yield f"{variable('trusted_proxies')} is everybody: whoever calls could say from where"


def _is_weak(text: str) -> bool:
    """Whether a key in base64 was never random. One that cannot be read is another's to refuse."""
    try:
        return _looks_made_up(base64.b64decode(text.strip().replace("-", "+").replace("_", "/") + "=="))
    except (ValueError, binascii.Error):
        return False


def _looks_made_up(key: bytes) -> bool:
    return len(set(key)) < _FEWEST_DIFFERENT or (key.isascii() and key.decode().isprintable())


def _is_usual(url: str) -> bool:
    """Whether an address has a password that is guessed first, before its host or among its parameters."""
    try:
        parts = urlsplit(url)
        user, password = parts.username, parts.password
    except ValueError:
        return False
    asked = dict(parse_qsl(parts.query))
    user, password = asked.get("user", unquote(user or "")), asked.get("password", unquote(password or ""))
    return bool(password) and (password == user or password.lower() in _USUAL)
