"""Who is answerable for a change, and from where: what the audit log says of a caller."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.caller import CallerOf
from api.client_address import client_address
from services.storage.audit import By


async def _by(caller: CallerOf, connection: HTTPConnection) -> By:
    return By.of(caller, client_address(connection))


ByOf = Annotated[By, Depends(_by)]
"""A route's parameter for who is answerable."""
