"""The setting of whose web pages may call the API: part of `runtime.settings.Settings`."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings


class OriginSettings(BaseSettings):
    """The origins beside this machine's own."""

    allowed_origins: str = Field(
        default="",
        description="Origins whose web pages may call the API, as https://host or https://host:port, separated by "
        "commas. Pages of this machine always may; what comes from no page needs no entry.",
    )

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, text: str) -> str:
        for origin in _each(text):
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or origin != f"{parts.scheme}://{parts.netloc}" or "@" in origin:
                raise ValueError("must be origins such as https://tools.example or http://10.0.0.5:3000")
        return text

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of `allowed_origins`, one by one."""
        return _each(self.allowed_origins)


def _each(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
