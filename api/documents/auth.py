"""Logging in and out, on the wire."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from domain.value import Value
from services.identity.log_ins import Granted
from services.identity.session_rows import SessionView

TOKEN_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["password", "refresh_token"]},
                        "username": {"type": "string", "description": "With `password`."},
                        "password": {"type": "string", "format": "password", "description": "With `password`."},
                        "refresh_token": {"type": "string", "description": "With `refresh_token`."},
                    },
                },
                "example": {"grant_type": "password", "username": "ada", "password": "correct horse battery"},
            }
        },
    }
}
"""The form of the token endpoint, for the OpenAPI document: OAuth wants it read by its own rules."""

Password = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class TokenDocument(BaseModel):
    """Tokens (RFC 6749, section 5.1). `expires_in`: seconds that the access token lives."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  no secret
    expires_in: int
    refresh_token: str = Field(description="Good once; the answer to its use has the next one.")
    session_id: str

    @classmethod
    def of(cls, granted: Granted) -> "TokenDocument":
        """Return what was granted."""
        return cls(
            access_token=granted.access_token,
            expires_in=granted.expires_in,
            refresh_token=granted.refresh_token,
            session_id=granted.session_id,
        )


class LogOutBody(Value):
    """Which sessions to end."""

    model_config = ConfigDict(json_schema_extra={"example": {"everywhere": True}})

    everywhere: bool = Field(default=False, description="All sessions of the user, not only the token's.")


class PasswordBody(Value):
    """A new password in place of the old one. `username`: needed only without an access token."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"username": "ada", "password": "the old password", "new_password": "correct horse battery"}
        }
    )

    username: str | None = Field(default=None, min_length=1, max_length=200)
    password: Password
    new_password: Password = Field(description="12 characters and more, at most 1,024 bytes.")


class UserPasswordBody(Value):
    """A password for another user. `must_change`: it opens nothing but its own change."""

    model_config = ConfigDict(json_schema_extra={"example": {"password": "a first password"}})

    password: Password
    must_change: bool = True


class RotateBody(Value):
    """How signing keys are changed."""

    revoke: bool = Field(
        default=False,
        description="Forget the earlier keys, because one may be known: every access token is void within 30 s.",
    )


class RotatedDocument(BaseModel):
    """The new signing key."""

    kid: str


class SessionsDocument(BaseModel):
    """The caller's sessions that go on, the latest used first."""

    sessions: list[SessionView]
    current: str = Field(description="The id of the token's own session.")


class KeyDocument(BaseModel):
    """A public signing key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"
    kid: str
    x: str


class KeySetDocument(BaseModel):
    """Our public signing keys (RFC 7517), the newest first."""

    keys: list[KeyDocument]
