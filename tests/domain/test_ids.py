import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import (
    CALL_ID,
    REQUEST_ID,
    STEP_ID,
    call_id,
    gateway_call_id,
    request_id,
    step_workflow_id,
    unix_ms_of,
    uuid7_hex,
)


@given(unix_ms=st.integers(0, 2**48 - 1), random_bits=st.integers(0, 2**80))
def test_uuid_is_of_version_7_and_tells_its_time(unix_ms: int, random_bits: int) -> None:
    made = uuid.UUID(uuid7_hex(unix_ms, random_bits))
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, unix_ms)


def test_example_of_the_rfc() -> None:
    rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
    assert uuid7_hex(0x017F22E279B0, rand_b << 12 | rand_a) == "017f22e279b07cc398c4dc0c0c07398f"


@given(first=st.integers(0, 2**47), later=st.integers(1, 2**20), bits=st.integers(0, 2**80))
def test_later_ids_sort_after_earlier_ones(first: int, later: int, bits: int) -> None:
    assert request_id(first, bits) < request_id(first + later, 0)


@given(unix_ms=st.integers(0, 2**48 - 1), random_bits=st.integers(0, 2**80))
def test_an_id_tells_when_it_was_made(unix_ms: int, random_bits: int) -> None:
    call = gateway_call_id(unix_ms, random_bits)
    assert CALL_ID.match(call)
    assert unix_ms_of(call) == unix_ms_of(request_id(unix_ms, random_bits)) == unix_ms


def test_request_id_is_well_formed() -> None:
    assert REQUEST_ID.match(request_id(1_700_000_000_000, 12345))


@pytest.mark.parametrize(("text", "fits"), [("req_" + "0" * 32, True), ("req_" + "0" * 32 + "\n", False), ("x", False)])
def test_request_id_is_the_whole_text(text: str, fits: bool) -> None:
    assert bool(REQUEST_ID.match(text)) is fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        *((fitting, True) for fitting in ("a", "a-b_9", "a" * 40)),
        *((wrong, False) for wrong in ("a" * 41, "", "9a", "-a", "A", "a b", "a/b", "a\n", "é", "а", "a\u200b")),
    ],
)
def test_step_id_is_the_whole_text(text: str, fits: bool) -> None:
    assert bool(STEP_ID.match(text)) is fits


def test_ids_of_children_and_calls_name_their_place() -> None:
    assert step_workflow_id("req_1", "a", 4) == "req_1/a/4"
    assert call_id("req_1", "a@evaluate", 2, 3) == "req_1/a@evaluate/2/3"
