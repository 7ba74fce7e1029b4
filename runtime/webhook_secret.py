"""The setting that holds what webhooks are signed with."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from domain.errors import InvalidInput
from domain.webhook_signature import Secrets


def secrets_of(secret: SecretStr) -> Secrets:
    """Return the secrets of a setting that has been checked."""
    return Secrets.parse(secret.get_secret_value())


def _checked(secret: SecretStr) -> SecretStr:
    try:
        secrets_of(secret)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return secret


WebhookSecret = Annotated[SecretStr, AfterValidator(_checked)]
"""Secrets as `domain.webhook_signature.Secrets` reads them."""
