import numpy as np
import pytest
import scipy.stats  # type: ignore[import-untyped]  # it has none

from mltest.shared.statistics.schedule import poisson_schedule_ns, rate_name

MINUTE_NS = 60 * 10**9


def test_requests_arrive_in_order_within_the_time() -> None:
    times_ns = poisson_schedule_ns(80, MINUTE_NS, 1)
    assert list(times_ns) == sorted(times_ns)
    assert times_ns[0] >= 0
    assert times_ns[-1] < MINUTE_NS


def test_the_same_seed_gives_the_same_requests_and_another_one_others() -> None:
    assert poisson_schedule_ns(80, MINUTE_NS, 1) == poisson_schedule_ns(80, MINUTE_NS, 1)
    assert poisson_schedule_ns(80, MINUTE_NS, 1) != poisson_schedule_ns(80, MINUTE_NS, 2)


@pytest.mark.parametrize("rate_per_s", [5.0, 80.0, 1000.0])
def test_gaps_are_exponentially_distributed(rate_per_s: float) -> None:
    gaps_ns = np.diff(poisson_schedule_ns(rate_per_s, MINUTE_NS, 3))
    assert scipy.stats.kstest(gaps_ns / 1e9, scipy.stats.expon(scale=1 / rate_per_s).cdf).pvalue > 0.01


def test_the_number_of_requests_varies_as_that_of_a_poisson_process() -> None:
    counts = [len(poisson_schedule_ns(50, 10**9, seed)) for seed in range(400)]
    assert np.mean(counts) == pytest.approx(50, rel=0.03)
    assert np.var(counts) == pytest.approx(50, rel=0.25)


def test_a_rate_that_is_too_low_for_the_time_may_give_no_request() -> None:
    assert poisson_schedule_ns(0.001, 10**9, 1) == ()


@pytest.mark.parametrize("rate_per_s", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_not_above_zero_is_refused(rate_per_s: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        poisson_schedule_ns(rate_per_s, 10**9, 1)


def test_a_rate_has_a_short_name() -> None:
    assert [rate_name(rate) for rate in (80.0, 0.5, 100000.0, 33.25)] == ["80/s", "0.5/s", "100000/s", "33.25/s"]
