import pytest

from mltest.coordinator.job.backoff import backoff_s


@pytest.mark.parametrize(("failures", "most_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (10_000, 60.0)])
def test_the_bound_doubles_from_half_a_second_to_a_minute(failures: int, most_s: float) -> None:
    assert backoff_s(failures, 1.0) == most_s


def test_the_delay_is_anything_up_to_its_bound() -> None:
    assert [backoff_s(3, draw) for draw in (0.0, 0.25, 1.0)] == [0.0, 0.5, 2.0]


def test_a_smaller_bound_can_be_asked_for() -> None:
    assert backoff_s(20, 0.5, most_s=8.0) == 4.0
