"""What is sealed comes out whole, for the right reader, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import LonghaulError
from services.vault.errors import Damaged, KeysInvalid, UnknownKey, VaultError, WrongBinding
from services.vault.vault import Vault

OLD, NEW = b"o" * 32, b"n" * 32
vault = Vault({"old": OLD}, active="old")
rotated = Vault({"new": NEW, "old": OLD}, active="new")
forgetful = Vault({"new": NEW}, active="new")

bindings = st.text(max_size=40)


@given(plaintext=st.binary(max_size=2000), bound_to=bindings)
def test_what_is_sealed_comes_out_again(plaintext: bytes, bound_to: str) -> None:
    sealed = vault.seal(plaintext, bound_to=bound_to)
    assert vault.open(sealed, bound_to=bound_to) == plaintext


@given(plaintext=st.binary(min_size=8, max_size=60), bound_to=bindings, mask=st.integers(1, 255))
def test_every_changed_byte_is_refused(plaintext: bytes, bound_to: str, mask: int) -> None:
    sealed = vault.seal(plaintext, bound_to=bound_to)
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ mask]) + sealed[place + 1 :]
        with pytest.raises(VaultError) as caught:
            vault.open(changed, bound_to=bound_to)
        assert plaintext not in str(caught.value).encode()


@given(plaintext=st.binary(max_size=60), cut=st.integers(1, 200))
def test_a_record_that_was_cut_or_grew_is_damaged(plaintext: bytes, cut: int) -> None:
    sealed = vault.seal(plaintext, bound_to="a")
    with pytest.raises(Damaged):
        vault.open(sealed[:-cut], bound_to="a")
    with pytest.raises(Damaged):
        vault.open(sealed + b"x" * cut, bound_to="a")


@given(st.binary(max_size=300))
def test_what_was_never_sealed_is_damaged(junk: bytes) -> None:
    for version in (b"", b"\x01", b"\x02"):
        with pytest.raises((Damaged, UnknownKey)):
            vault.open(version + junk, bound_to="a")
    with pytest.raises(Damaged):
        vault.needs_rewrap(b"\x02" + junk)


@given(plaintext=st.binary(max_size=60), right=bindings, wrong=bindings)
def test_a_record_opens_only_for_what_it_is_bound_to(plaintext: bytes, right: str, wrong: str) -> None:
    sealed = vault.seal(plaintext, bound_to=right)
    if right == wrong:
        return
    with pytest.raises(WrongBinding):
        vault.open(sealed, bound_to=wrong)
    with pytest.raises(WrongBinding):
        rotated.rewrap(sealed, bound_to=wrong)


@given(plaintext=st.binary(max_size=60), bound_to=bindings)
def test_rewrapping_moves_the_record_to_the_active_key_and_leaves_its_body(plaintext: bytes, bound_to: str) -> None:
    sealed = vault.seal(plaintext, bound_to=bound_to)
    assert rotated.needs_rewrap(sealed)
    moved = rotated.rewrap(sealed, bound_to=bound_to)
    assert not rotated.needs_rewrap(moved)
    assert moved.endswith(sealed[-(len(plaintext) + 28) :])
    assert forgetful.open(moved, bound_to=bound_to) == plaintext


def test_a_record_under_a_lost_key_says_so() -> None:
    with pytest.raises(UnknownKey):
        forgetful.open(vault.seal(b"text", bound_to="a"), bound_to="a")


def test_another_key_of_the_same_name_opens_nothing() -> None:
    with pytest.raises(Damaged):
        Vault({"old": NEW}, active="old").open(vault.seal(b"text", bound_to="a"), bound_to="a")


def test_two_records_of_one_text_have_nothing_in_common() -> None:
    one, two = (vault.seal(b"the same text", bound_to="a") for _ in range(2))
    header = 2 + len("old") + 16
    assert one[:header] == two[:header]
    assert one[header:] != two[header:]
    assert one[-16:] != two[-16:]


def test_parts_of_two_records_do_not_make_a_third() -> None:
    one, two = (vault.seal(text, bound_to="a") for text in (b"first", b"other"))
    body = len(b"first") + 28
    with pytest.raises(Damaged):
        vault.open(one[:-body] + two[-body:], bound_to="a")


@pytest.mark.parametrize(
    ("keys", "active"),
    [({}, "a"), ({"a": OLD}, "b"), ({"a": b"short"}, "a"), ({"": OLD}, ""), ({"ä": OLD}, "ä"), ({"a:b": OLD}, "a:b")],
)
def test_master_keys_that_cannot_be_used_are_refused_at_once(keys: dict[str, bytes], active: str) -> None:
    with pytest.raises(KeysInvalid) as caught:
        Vault(keys, active)
    assert isinstance(caught.value, LonghaulError)


def test_nothing_that_is_printed_shows_a_key() -> None:
    assert "ooo" not in repr(vault) + str(vault)
