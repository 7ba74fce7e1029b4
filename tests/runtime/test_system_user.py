"""Private folders are made for one user, and nothing that was there before is given away."""

import os
from pathlib import Path

import pytest

from runtime.local import system_user
from runtime.local.errors import LocalError


def test_a_new_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    system_user.private_folder(tmp_path / "a" / "b", None)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_making_it_again_is_fine(tmp_path: Path) -> None:
    system_user.private_folder(tmp_path / "a", None)
    system_user.private_folder(tmp_path / "a", None)


def test_a_link_is_refused_and_its_target_untouched(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir(mode=0o755)
    before = target.stat()
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(LocalError, match="not a private folder"):
        system_user.private_folder(tmp_path / "link", None)
    assert (target.stat().st_uid, target.stat().st_mode) == (before.st_uid, before.st_mode)


def test_an_open_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(LocalError, match="not a private folder"):
        system_user.private_folder(tmp_path / "open", None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the database as another user")
def test_root_never_gives_a_folder_that_was_there_to_another_user(tmp_path: Path) -> None:
    user = system_user.for_root()
    assert user is not None
    (tmp_path / "mine").mkdir(mode=0o700)
    with pytest.raises(LocalError, match="not a private folder"):
        system_user.private_folder(tmp_path / "mine", user)
    assert (tmp_path / "mine").stat().st_uid == 0


def test_an_ordinary_user_needs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert system_user.for_root() is None


def test_passing_through_is_allowed_and_listing_is_not(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    system_user.let_pass(closed / "file")
    assert closed.stat().st_mode & 0o777 == 0o701


def test_programs_become_readable_for_others(tmp_path: Path) -> None:
    program = tmp_path / "programs" / "run"
    program.parent.mkdir(mode=0o700)
    program.touch(mode=0o700)
    system_user.let_read(program.parent)
    assert program.stat().st_mode & 0o777 == 0o705
    assert program.parent.stat().st_mode & 0o777 == 0o705
