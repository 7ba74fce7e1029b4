from collections.abc import Iterator

import pytest

from domain import errors
from domain.errors import PROBLEM_LIMIT, InvalidInput, LonghaulError, ModelThrottled, Problem, Unavailable


def tree(root: type[LonghaulError] = LonghaulError) -> Iterator[type[LonghaulError]]:
    """The errors of domain.errors; other rooms derive their own from them."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in tree()]
    assert len(codes) == len(set(codes))


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = errors.__doc__ or ""
    assert all(error.__name__ in drawn for error in tree())


@pytest.mark.parametrize("error", list(tree()), ids=lambda error: error.__name__)
def test_every_error_is_made_from_a_sentence(error: type[LonghaulError]) -> None:
    assert str(error("what went wrong")) == "what went wrong"


def test_errors_carry_what_the_caller_needs() -> None:
    problem = Problem(code="c", path="/p", message="m")
    assert InvalidInput("x", (problem,)).problems == (problem,)
    assert Unavailable("x").retry_after_s == 2.0
    assert ModelThrottled("x", retry_after_s=7).retry_after_s == 7


def test_problem_that_quotes_a_stranger_is_cut() -> None:
    problem = Problem(code="c", path="/p" * 10**6, message="m" * 10**6)
    assert (len(problem.path), len(problem.message)) == (PROBLEM_LIMIT, PROBLEM_LIMIT)
