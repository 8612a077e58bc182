import math

import pytest

from mltest.coordinator.tests.kept import kept_results
from mltest.shared.domain import Result


def test_a_result_gets_the_names_that_are_its_own() -> None:
    (found,) = kept_results("mine", [Result(candidate_id="x", test="other", metric="m", value=1.0)], candidate_id="c")
    assert (found.test, found.candidate_id, found.agent_id, found.value) == ("mine", "c", "", 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_absent_with_a_reason(value: float) -> None:
    (found,) = kept_results("t", [Result(candidate_id="", test="t", metric="m", value=value, low=0.0, high=1.0)])
    assert (found.value, found.low, found.high) == (None, None, None)
    assert str(value) in found.reason


def test_an_interval_without_an_end_is_no_interval() -> None:
    (found,) = kept_results("t", [Result(candidate_id="", test="t", metric="m", value=1.0, low=-math.inf, high=2.0)])
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_what_is_no_result_is_refused() -> None:
    with pytest.raises(TypeError, match="a dict instead of a Result"):
        kept_results("t", [{"value": 1}])
