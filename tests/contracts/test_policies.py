"""What Temporal retries is what the error tree says; Temporal knows no inheritance, so every class is named."""

import inspect
from typing import Any

import pytest

from contracts import policies
from domain import errors
from domain.errors import LonghaulError

OURS: dict[str, type[LonghaulError]] = {
    name: member
    for name, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, LonghaulError) and member.__module__ == errors.__name__
}
FOREIGN = {"PayloadSizeError"}
"""Of Temporal's SDK: the answer is too large for the server, now and ever."""


@pytest.mark.parametrize("name", sorted(OURS))
def test_an_error_is_retried_as_its_class_says(name: str) -> None:
    assert (name not in policies.NON_RETRYABLE) is OURS[name].retryable


def test_the_list_names_each_once_and_nothing_unknown() -> None:
    assert len(policies.NON_RETRYABLE) == len(set(policies.NON_RETRYABLE))
    assert set(policies.NON_RETRYABLE) - OURS.keys() == FOREIGN


def test_model_work_goes_by_the_list() -> None:
    policy = policies.model_work(1)["retry_policy"]
    assert policy.non_retryable_error_types == policies.NON_RETRYABLE


def test_database_work_gives_up_on_nothing_that_may_pass() -> None:
    policy: Any = policies.DATABASE_WORK["retry_policy"]
    assert policy.non_retryable_error_types
    assert set(policy.non_retryable_error_types) <= set(policies.NON_RETRYABLE)
