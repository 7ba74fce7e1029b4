"""Master keys from a setting and from a file."""

import base64
import multiprocessing
from pathlib import Path

import pytest

from services.vault.errors import KeysInvalid
from services.vault.keys import load_or_create, parse_keys

ONE, TWO = (base64.urlsafe_b64encode(bytes([fill]) * 32).decode() for fill in (251, 2))


def test_the_first_key_seals_and_all_open() -> None:
    old = parse_keys(f"one:{ONE}")
    both = parse_keys(f"two:{TWO}, one:{ONE.rstrip('=')}\n")
    sealed = old.seal(b"text", bound_to="a")
    assert both.open(sealed, bound_to="a") == b"text"
    assert both.needs_rewrap(sealed)
    assert not both.needs_rewrap(both.seal(b"text", bound_to="a"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        ONE,
        "one:",
        f":{ONE}",
        f"one:{ONE}x",
        f"one:{ONE[4:]}",
        "one:+/+/",
        "one:" + "ä" * 43,
        f"one:{ONE},",
        f"one:{ONE},one:{TWO}",
        f"a b:{ONE}",
    ],
)
def test_a_misspelled_setting_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(KeysInvalid) as caught:
        parse_keys(text)
    assert ONE[4:20] not in str(caught.value)


def test_the_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "vault.key"
    sealed = load_or_create(path).seal(b"text", bound_to="a")
    assert load_or_create(path).open(sealed, bound_to="a") == b"text"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["vault.key"]


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    load_or_create(path)
    path.chmod(0o640)
    with pytest.raises(KeysInvalid, match="0600"):
        load_or_create(path)


def test_a_file_that_is_no_file_of_keys_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    path.write_bytes(b"\xff\x00")
    path.chmod(0o600)
    with pytest.raises(KeysInvalid):
        load_or_create(path)


def _seal(path: Path) -> bytes:
    return load_or_create(path).seal(b"text", bound_to="a")


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        records = pool.map(_seal, [path] * 4, chunksize=1)
    assert [load_or_create(path).open(sealed, bound_to="a") for sealed in records] == [b"text"] * 4
