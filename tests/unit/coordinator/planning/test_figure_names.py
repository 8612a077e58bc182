import pytest

from mltest.coordinator.planning.figure_names import figure_name, parse_bound, parse_figure


@pytest.mark.parametrize(
    ("text", "metric", "statistic", "batch_size"),
    [
        ("latency", "latency_s", "median", 1),
        ("latency.p99_9@32", "latency_s", "p99_9", 32),
        ("latency.lean", "lean_latency_s", "median", 1),
        ("latency.lean.p99@32", "lean_latency_s", "p99", 32),
        ("latency.native@16", "native_latency_s", "median", 16),
        ("lean", "lean_latency_s", "median", 1),
        ("native.mean", "native_latency_s", "mean", 1),
        ("conversion", "conversion_s", "median", 1),
        ("offline", "offline_rows_per_s", "mean", 10_000),
        ("open_loop", "open_loop_latency_s", "p99", 1),
        ("capacity", "open_loop_capacity_per_s", "value", 1),
        ("throughput", "throughput_rows_per_s", "mean", 128),
    ],
)
def test_a_short_name_means_a_figure_as_it_is_usually_read(
    text: str, metric: str, statistic: str, batch_size: int
) -> None:
    figure = parse_figure(text)
    assert (figure.metric, figure.statistic, figure.batch_size) == (metric, statistic, batch_size)


def test_a_limit_on_the_capacity_is_a_plain_number() -> None:
    assert parse_bound("capacity>=80").at_least == 80


def test_names_for_people_leave_the_unit_out() -> None:
    assert figure_name("open_loop_capacity_per_s", "value", 1) == "open loop capacity at 1 row"
    assert figure_name("lean_latency_s", "p99_9", 32) == "p99_9 lean latency at 32 rows"
