"""The first admin's key on this machine: made once, kept from others, and not taken for what it is not."""

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.api_keys import parse_key
from runtime.local.admin_key import NAME, admin_key
from runtime.local.errors import LocalError
from runtime.settings import Settings

KEY = "lh_" + "0" * 16 + "_" + "A" * 43


def test_a_key_is_made_at_the_first_start_alone(own_dir: Path) -> None:
    settings = Settings(state_dir=own_dir / "state")
    key, is_new = admin_key(settings)
    assert is_new
    assert parse_key(key) is not None
    assert admin_key(settings) == (key, False)
    assert stat.S_IMODE((own_dir / "state" / NAME).stat().st_mode) == 0o600
    assert [path.name for path in (own_dir / "state").iterdir()] == [NAME]


def test_a_key_of_the_settings_is_taken_and_not_kept(own_dir: Path) -> None:
    settings = Settings(state_dir=own_dir / "state", admin_key=SecretStr(KEY))
    assert admin_key(settings) == (KEY, False)
    assert not (own_dir / "state").exists()


def test_a_file_that_holds_no_key_is_named(own_dir: Path) -> None:
    (own_dir / NAME).write_text("not a key")
    (own_dir / NAME).chmod(0o600)
    with pytest.raises(LocalError, match=NAME):
        admin_key(Settings(state_dir=own_dir))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_not_used(own_dir: Path, mode: int) -> None:
    (own_dir / NAME).write_text(KEY)
    (own_dir / NAME).chmod(mode)
    with pytest.raises(LocalError, match="others may read"):
        admin_key(Settings(state_dir=own_dir))
