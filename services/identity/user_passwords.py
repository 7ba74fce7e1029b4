"""What admins do to how others log in: give a password, end sessions."""

from services.identity import password_rows, session_rows
from services.identity.api_keys import maker_of
from services.identity.edit import Edit, wrong
from services.identity.key_bounds import must_cover_log_in
from services.identity.session_rows import EndReason
from services.identity.users import UserKind, held


async def set_password(edit: Edit, user_id: str, hash_: str, *, must_change: bool) -> None:
    """Give a person a password; all their sessions end.

    Raises:
        NotFound: There is none of this id, or not in a tenant that the caller may change.
        Forbidden: The user may do or use more than the caller, or the caller's key is narrowed as no log-in is.
        InvalidInput: It is no person.
    """
    user = await held(edit, user_id)
    must_cover_log_in(await maker_of(edit), user)
    if user.kind != UserKind.PERSON:
        raise wrong("no_person", "", "only people have passwords; a service has keys")
    await password_rows.store(edit.tx, user_id, hash_, must_change=must_change)
    await session_rows.end_all(edit.tx, user_id, EndReason.PASSWORD_CHANGED)
    await edit.note("set_password", "user", user_id, must_change=must_change)


async def end_sessions(edit: Edit, user_id: str) -> None:
    """End all sessions of a user.

    Raises:
        NotFound: There is none of this id, or not in a tenant that the caller may change.
        Forbidden: The user may do more than the caller.
    """
    await held(edit, user_id)
    await session_rows.end_all(edit.tx, user_id, EndReason.LOGGED_OUT_EVERYWHERE)
    await edit.note("end_sessions", "user", user_id)
