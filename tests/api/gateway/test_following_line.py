"""One line of chunks from two ways: whatever comes twice, late or early, each chunk is passed on once, in order."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from api.gateway.line import AHEAD_LIMIT, Line
from api.gateway.pieces import Chunk, Piece, Place, joined


def chunks(first: int, count: int) -> tuple[Chunk, ...]:
    return tuple({"number": number} for number in range(first, first + count))


def piece(first: int, count: int, n: int = 1) -> Piece:
    return Piece(n, first, chunks(first, count))


def numbers(pieces: list[Piece]) -> list[int]:
    return [chunk["number"] for each in pieces for chunk in each.chunks]


@st.composite
def ways(draw: st.DrawFn) -> tuple[int, list[Piece]]:
    """An answer's length, and the pieces of two ways through it, each in its own order, mixed."""
    length = draw(st.integers(1, 12))
    lines: list[list[Piece]] = []
    for _ in range(2):
        cuts = sorted(draw(st.sets(st.integers(1, length), max_size=length)) | {0, length})
        lines.append([piece(a, b - a) for a, b in itertools.pairwise(cuts)])
    mixed: list[Piece] = []
    while any(lines):
        way = draw(st.sampled_from([line for line in lines if line]))
        mixed.append(way.pop(0))
    return length, mixed


@given(ways(), st.integers(-1, 12))
@settings(max_examples=300)
def test_two_ways_make_one_line_without_gap_or_double(told: tuple[int, list[Piece]], after: int) -> None:
    length, mixed = told
    line = Line(Place(1, after))
    got = [number for each in mixed for number in numbers(line.take(each))]
    assert got == list(range(after + 1, length))
    assert not line.has_gap


@given(ways(), st.lists(st.booleans(), min_size=24, max_size=24))
def test_a_way_that_misses_pieces_is_mended_by_the_other(told: tuple[int, list[Piece]], heard_of: list[bool]) -> None:
    length, mixed = told
    line = Line()
    heard = [each for each, was_heard in zip(mixed, heard_of, strict=False) if was_heard]
    got = [number for each in heard for number in numbers(line.take(each))]
    got += numbers(line.take(piece(0, length)))
    assert got == list(range(length))


def test_a_higher_attempt_starts_anew_and_a_lower_one_is_void() -> None:
    line = Line()
    assert numbers(line.take(piece(0, 3))) == [0, 1, 2]
    assert numbers(line.take(piece(1, 2, n=3))) == []
    assert line.has_gap
    assert numbers(line.take(piece(3, 1, n=1))) == []
    assert numbers(line.take(piece(0, 1, n=3))) == [0, 1, 2]
    assert (line.n, line.next, line.has_gap) == (3, 3, False)


def test_pieces_ahead_are_bounded() -> None:
    line = Line()
    for number in range(AHEAD_LIMIT + 50):
        assert line.take(piece(number + 1, 1)) == []
    assert len(numbers(line.take(piece(0, 1)))) == AHEAD_LIMIT + 1
    assert not line.has_gap


def test_pieces_of_one_attempt_are_joined() -> None:
    pieces = [piece(0, 1), piece(1, 2), piece(0, 1, n=2)]
    assert joined(pieces) == [piece(0, 3), piece(0, 1, n=2)]
