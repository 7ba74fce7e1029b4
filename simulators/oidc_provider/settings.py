"""What can be chosen when the provider starts, and what can be changed while it runs."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Fault(StrEnum):
    """What is wrong with the next ID tokens."""

    NONE = "none"
    WRONG_NONCE = "wrong_nonce"
    NO_NONCE = "no_nonce"
    WRONG_AUDIENCE = "wrong_audience"
    MORE_AUDIENCES = "more_audiences"
    WRONG_ISSUER = "wrong_issuer"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from_the_future"
    NO_EXPIRY = "no_expiry"
    UNSIGNED = "unsigned"
    SHARED_SECRET = "shared_secret"  # noqa: S105  the public key taken for one
    OTHER_KEY = "other_key"
    KEY_IN_HEADER = "key_in_header"
    NO_ID_TOKEN = "no_id_token"  # noqa: S105  no token
    NO_SUBJECT = "no_subject"
    NOT_A_TOKEN = "not_a_token"  # noqa: S105  no token


class Behaviour(BaseModel):
    """How the provider behaves from now on.

    Attributes:
        person: The claims of who signs in.
        algorithm: Which key signs: RS256, ES256 or EdDSA.
        fault: What is wrong with ID tokens.
        deny: Send the browser back with `access_denied`.
        token_failure: Answer token requests with this status instead.
        metadata_failure: Answer metadata requests with this status instead.
        keys_failure: Answer key requests with this status instead.
        metadata: Members of the metadata that are spelled differently.
        redirect: Send metadata, token and key requests to this URL.
        padding: So many bytes of white space before each answer.
        delay_s: Wait before token answers.
        named_issuer: The `iss` that browsers come back with; None: the right one, "": none.
        leeway_s: Move the times of ID tokens by so many seconds.
    """

    model_config = ConfigDict(extra="forbid")

    person: dict[str, Any] = Field(default_factory=lambda: {"sub": "ada"})
    algorithm: str = "RS256"
    fault: Fault = Fault.NONE
    deny: bool = False
    token_failure: int | None = None
    metadata_failure: int | None = None
    keys_failure: int | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    redirect: str | None = None
    padding: int = 0
    delay_s: float = 0.0
    named_issuer: str | None = None
    leeway_s: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one provider. `clients`: secrets by client id; None: a public one."""

    clients: dict[str, str | None] = field(default_factory=dict[str, str | None])
