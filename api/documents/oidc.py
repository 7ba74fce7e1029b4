"""OpenID providers on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from domain.value import Value
from services.identity.oidc.desk import NewSecret, ProviderView
from services.identity.oidc.provider import PROVIDER_ID, Spec

_PROVIDER: JsonDict = {
    "id": "corp",
    "name": "Example Corp",
    "issuer": "https://login.example.com",
    "client_id": "longhaul",
    "client_secret": "…",
    "creates_users": True,
}

ProviderId = Annotated[str, Field(pattern=PROVIDER_ID)]
Revision = Annotated[
    int | None, Field(default=None, ge=1, lt=10**9, description="What this replaces; another one is a 409.")
]


class OidcProviderBody(Spec):
    """An OpenID provider. `client_secret` is never shown again; absent, the stored one stays; null removes it."""

    model_config = ConfigDict(json_schema_extra={"example": _PROVIDER})

    id: ProviderId
    client_secret: Annotated[SecretStr, Field(min_length=1, max_length=1000)] | None = None
    expected_revision: Revision = None

    def spec(self) -> Spec:
        """Return the provider alone."""
        return Spec(**{name: getattr(self, name) for name in Spec.model_fields})

    def secret(self) -> NewSecret | None:
        """Return the secret to set; None: leave it as it is."""
        return NewSecret(self.client_secret) if "client_secret" in self.model_fields_set else None


class OidcSwitchBody(Value):
    """Take a provider out of use, or into it again."""

    model_config = ConfigDict(json_schema_extra={"example": {"disabled": True}})

    disabled: bool
    expected_revision: Revision = None


class OidcProvidersQuery(BaseModel):
    """Which part of the list."""

    model_config = ConfigDict(extra="forbid")

    after: ProviderId | None = Field(default=None, description="`after` of the page before.")
    limit: int = Field(default=100, ge=1, le=500)


class OidcProvidersDocument(BaseModel):
    """Providers of the caller's tenant by id. `after`: give it to get the next page; null on the last."""

    providers: list[ProviderView]
    after: str | None


class ReturnQuery(BaseModel):
    """What a browser comes back with. Other parameters are left alone: a provider may send more."""

    state: str = Field(min_length=1, max_length=1000, repr=False)
    code: str | None = Field(default=None, max_length=8192, repr=False)
    error: str | None = Field(default=None, max_length=1000)
    iss: str | None = Field(default=None, max_length=2000)
