"""The settings that may change while everything runs: reading, setting, taking back."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from api.bodies import StrictRoute
from api.documents.settings import (
    RevertBody,
    SettingBody,
    SettingDocument,
    SettingsDocument,
    Source,
    VersionsDocument,
    VersionsQuery,
    Why,
)
from api.parts import Parts, PartsOf
from api.problems import errors
from api.revisions import ChangeOf, tag
from domain.errors import InvalidInput, Unavailable
from domain.live_settings import NAMES, allowed, checked, default_of, known, meaning_of
from services.storage import setting_versions
from services.storage.setting_versions import SettingVersion, Wish

router = APIRouter(prefix="/v1/settings", tags=["operations"], route_class=StrictRoute)

SettingName = Annotated[str, Path(max_length=100, examples=["log_keep_days"])]


@router.get("", responses=errors(403, 503))
async def list_settings(parts: PartsOf) -> SettingsDocument:
    """List the live settings: value, default, source, and who changed them last."""
    found = await setting_versions.newest(parts.database)
    return SettingsDocument(settings=[_document(parts, name, found.get(name)) for name in NAMES])


@router.get("/{name}", responses=errors(403, 404, 422, 503))
async def read_setting(name: SettingName, parts: PartsOf, response: Response) -> SettingDocument:
    """Read a setting."""
    found = await setting_versions.newest(parts.database, known(name))
    return _told(response, _document(parts, name, found.get(name)))


@router.put("/{name}", responses=errors(400, 403, 404, 412, 413, 415, 422, 503))
async def change_setting(
    name: SettingName, body: SettingBody, parts: PartsOf, change: ChangeOf, response: Response
) -> SettingDocument:
    """Give a setting a value; every process goes by it within two seconds."""
    with change.expecting() as revision:
        async with parts.database.transaction() as tx:
            wish = Wish(known(name), body.value, body.why, revision)
            version = await setting_versions.change(tx, change.by, wish)
    return await _changed(parts, response, version)


@router.delete("/{name}", responses=errors(400, 403, 404, 412, 422, 503))
async def reset_setting(
    name: SettingName, parts: PartsOf, change: ChangeOf, response: Response, why: Annotated[Why, Query()] = ""
) -> SettingDocument:
    """Take a setting's value away: the environment's holds again, or the default."""
    with change.expecting() as revision:
        async with parts.database.transaction() as tx:
            version = await setting_versions.change(tx, change.by, Wish(known(name), None, why, revision))
    return await _changed(parts, response, version)


@router.get("/{name}/versions", responses=errors(403, 404, 422, 503))
async def list_setting_versions(
    name: SettingName, parts: PartsOf, query: Annotated[VersionsQuery, Query()]
) -> VersionsDocument:
    """List what a setting was set to, by whom, when and why."""
    versions, before = await setting_versions.page(parts.database, name, query.before, query.limit)
    return VersionsDocument(versions=versions, before=before)


@router.post("/{name}/revert", responses=errors(400, 403, 404, 412, 413, 415, 422, 503))
async def revert_setting(
    name: SettingName, body: RevertBody, parts: PartsOf, change: ChangeOf, response: Response
) -> SettingDocument:
    """Give a setting the value that it had at an earlier revision."""
    with change.expecting() as revision:
        async with parts.database.transaction() as tx:
            wish = Wish(known(name), None, body.why, revision)
            version = await setting_versions.revert(tx, change.by, wish, body.revision)
    return await _changed(parts, response, version)


async def _changed(parts: Parts, response: Response, version: SettingVersion) -> SettingDocument:
    """Go by a change in this process at once, if the database still answers, and answer it: it has been made."""
    if parts.settings is not None:
        with suppress(Unavailable):
            await parts.settings.refresh()
    return _told(response, _document(parts, version.name, version))


def _told(response: Response, document: SettingDocument) -> SettingDocument:
    tag(response, document.revision)
    return document


def _document(parts: Parts, name: str, version: SettingVersion | None) -> SettingDocument:
    bootstrap = {} if parts.settings is None else parts.settings.bootstrap
    default = bootstrap.get(name, default_of(name))
    source, value = Source.ENVIRONMENT if name in bootstrap else Source.DEFAULT, default
    if version is not None and _is_usable(name, version.value):
        source, value = Source.DATABASE, version.value
    return SettingDocument(
        name=name,
        value=value,
        default=default,
        source=source,
        revision=0 if version is None else version.revision,
        meaning=meaning_of(name),
        allowed=allowed(name),
        changed_by=None if version is None else version.actor,
        changed_at=None if version is None else version.at,
        why=None if version is None else version.why,
    )


def _is_usable(name: str, value: Any) -> bool:
    """Whether a stored value holds: another build may have had other bounds, then it is passed over."""
    try:
        return value is not None and checked(name, value) is not None
    except InvalidInput:
        return False
