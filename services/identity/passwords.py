"""Passwords: Argon2id, hashed in threads, a few at a time, and never more text than a person would type.

A password is compared in its NFC form, so that it does not depend on the keyboard that it was typed on. Checking takes
the same time whether a user exists or not: who has no hash is checked against one that nobody's password has.
"""

import asyncio
import secrets
import unicodedata
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import InvalidInput, Problem, Unavailable

MOST_BYTES: Final = 1024
FEWEST_CHARACTERS: Final = 12
FEWEST_DIFFERENT: Final = 5
MEMORY_KIB: Final = 46 * 1024
PASSES: Final = 1
LANES: Final = 1
"""The first of OWASP's choices for Argon2id (Password Storage Cheat Sheet); a longer hash after a change is made at the
next log-in."""
AT_ONCE: Final = 4
WAITING: Final = 64

T = TypeVar("T")


class PasswordRefused(InvalidInput):
    """A password that may not be set: too long, too short or too simple. The text does not quote it."""

    code = "password_refused"


@dataclass(frozen=True)
class Checked:
    """What came of a check. `renewed`: the hash to store in place of the old one, which has older parameters."""

    right: bool
    renewed: str | None = None


def password_hasher(memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> PasswordHasher:
    """Return Argon2id with 16 bytes of salt and 32 of hash."""
    return PasswordHasher(passes, memory_kib, LANES, type=Type.ID)


class Passwords:
    """Hashes and checks passwords.

    Args:
        hasher: Argon2's parameters.
        at_once: Hashes that are computed at a time; each takes the hasher's memory.
        waiting: Callers that may wait for their turn; more are refused.
    """

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._hasher = hasher or password_hasher()
        self._turns = asyncio.Semaphore(at_once)
        self._waiting = waiting + at_once
        self._inside = 0
        self._nobodys: str | None = None

    async def hash(self, password: str, user_name: str = "") -> str:
        """Return the hash to store, in PHC's spelling.

        Raises:
            PasswordRefused: It may not be set; see `refuse_weak`.
            Unavailable: Too many are being hashed.
        """
        refuse_weak(password, user_name)
        normal = _normal(password)
        return await self._run(lambda: self._hasher.hash(normal))

    async def check(self, password: str, stored: str | None) -> Checked:
        """Check a password. `stored` None: there is no such user, or one without a password.

        Raises:
            Unavailable: Too many are being hashed.
        """
        if is_too_long(password):
            return Checked(right=False)
        normal = _normal(password)
        return await self._run(lambda: self._check(normal, stored))

    def _check(self, normal: bytes, stored: str | None) -> Checked:
        nobodys = self._nobody()
        try:
            self._hasher.verify(nobodys if stored is None else stored, normal)
        except (VerificationError, InvalidHashError):
            return Checked(right=False)
        if stored is None or not self._hasher.check_needs_rehash(stored):
            return Checked(right=stored is not None)
        return Checked(right=True, renewed=self._hasher.hash(normal))

    def _nobody(self) -> str:
        """Return a hash of today's parameters that no password is known to have."""
        if self._nobodys is None:
            self._nobodys = self._hasher.hash(secrets.token_bytes(32))
        return self._nobodys

    async def _run(self, work: Callable[[], T]) -> T:
        async with self._turn():
            return await asyncio.to_thread(work)

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        if self._inside >= self._waiting:
            raise Unavailable("too many people log in at this moment")
        self._inside += 1
        try:
            async with self._turns:
                yield
        finally:
            self._inside -= 1


def refuse_weak(password: str, user_name: str = "") -> None:
    """Return when a password may be set.

    Raises:
        PasswordRefused: It is longer than 1,024 bytes, shorter than 12 characters, made of fewer than 5 different
            ones, no text, or the user's name.
    """
    if problem := _problem(password, user_name):
        raise PasswordRefused(problem, (Problem(code="password_refused", path="/password", message=problem),))


def is_too_long(password: str) -> bool:
    """Whether a password has more bytes than are ever hashed. A megabyte is told without being looked at."""
    return len(password) > MOST_BYTES or len(password.encode("utf-8", "surrogatepass")) > MOST_BYTES


def _problem(password: str, user_name: str) -> str | None:
    if is_too_long(password):
        return f"a password has at most {MOST_BYTES} bytes"
    if any("\ud800" <= character <= "\udfff" for character in password):
        return "a password is a text"
    if len(password) < FEWEST_CHARACTERS:
        return f"a password has at least {FEWEST_CHARACTERS} characters"
    if len(set(password)) < FEWEST_DIFFERENT:
        return f"a password has at least {FEWEST_DIFFERENT} different characters"
    return "a password is not the user's name" if password.casefold() == user_name.casefold() else None


def _normal(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
