"""The canary and its spread."""

import numpy as np
import pytest

from mltest.agent.host.canary import MIN_WORK_COUNT, prepared_canary, robust_cv_ratio


@pytest.mark.parametrize("cv_ratio", [0.01, 0.02, 0.2])
def test_the_robust_spread_of_normal_times_is_their_coefficient_of_variation(cv_ratio: float) -> None:
    times_ns = np.random.default_rng(3).normal(1e6, cv_ratio * 1e6, 200_000)
    assert robust_cv_ratio(times_ns.tolist()) == pytest.approx(times_ns.std() / times_ns.mean(), rel=0.02)


def test_the_robust_spread_agrees_with_percentiles_of_numpy() -> None:
    times_ns = np.random.default_rng(4).gamma(20, 1000, 40)
    low, middle, high = np.percentile(times_ns, [10, 50, 90])
    # 2 x 1.28155, the 90 % point of the standard normal distribution.
    assert robust_cv_ratio(times_ns.tolist()) == pytest.approx((high - low) / (2 * 1.28155) / middle, rel=1e-4)


def test_a_few_interrupted_works_do_not_count() -> None:
    assert robust_cv_ratio([1000] * 37 + [5000] * 3) == 0


def test_a_machine_that_gets_slower_between_two_groups_of_works_shows() -> None:
    spread = robust_cv_ratio([1000] * 20 + [1100] * 20)
    assert spread is not None
    assert spread > 0.02


def test_a_single_work_has_no_spread() -> None:
    assert robust_cv_ratio([1000]) is None


def test_as_many_works_are_timed_as_wanted() -> None:
    works_ns = prepared_canary(6, deadline_ns=10**12)()
    assert len(works_ns) == 6
    assert min(works_ns) > 0


def test_a_slow_machine_does_few_works_but_some() -> None:
    assert len(prepared_canary(20, deadline_ns=0)()) == MIN_WORK_COUNT
