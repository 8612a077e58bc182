"""The tests that read raw samples."""

import pytest

from mltest.coordinator.tests.latency import Latency
from mltest.coordinator.tests.memory import Memory
from mltest.coordinator.tests.size import Size
from mltest.coordinator.tests.start_up import StartUp
from mltest.coordinator.tests.throughput import Throughput
from mltest.coordinator.tests.timing import merged_latency_spec
from mltest.shared.domain import LatencySpec
from tests.unit.coordinator.evidence import by_name, evidence, series


def test_latency_is_in_seconds_for_each_batch_size_with_an_interval_over_rounds() -> None:
    found = by_name(
        Latency(batch_sizes=(1, 4)).results(
            evidence(
                [
                    [series("latency_ns", [1000, 3000], batch_size=1), series("latency_ns", [8000], batch_size=4)],
                    [series("latency_ns", [2000, 4000], batch_size=1), series("latency_ns", [8000], batch_size=4)],
                ]
            )
        )
    )

    median = found["latency_s", "median", 1]
    assert median.value == pytest.approx(2.5e-6)
    assert median.count == 4
    assert median.low is not None
    assert median.high is not None
    assert median.low < 2.5e-6 < median.high
    assert found["latency_s", "mean", 4].value == pytest.approx(8e-6)


def test_a_percentile_that_needs_more_calls_is_absent_and_says_how_many() -> None:
    results = Latency(batch_sizes=(1,)).results(evidence([[series("latency_ns", [1000] * 100, batch_size=1)]]))
    found = by_name(results)

    assert found["latency_s", "p90", 1].value == pytest.approx(1e-6)
    assert found["latency_s", "p99", 1].value is None
    assert found["latency_s", "p99", 1].reason.startswith("needs 562 more calls")


def test_a_batch_size_that_was_never_called_is_absent_with_a_reason() -> None:
    found = by_name(Latency(batch_sizes=(1,)).results(evidence([[]])))

    assert found["latency_s", "median", 1].value is None
    assert found["latency_s", "median", 1].reason == "no value was sent"


def test_what_the_harness_costs_is_told_and_not_subtracted() -> None:
    rounds = [[series("latency_ns", [1000], batch_size=1), series("null_call_ns", [60, 70, 80])]]
    found = by_name(Latency(batch_sizes=(1,)).results(evidence(rounds)))

    assert found["null_call_s", "median", 0].value == pytest.approx(7e-8)
    assert found["latency_s", "median", 1].value == pytest.approx(1e-6)


def test_throughput_is_rows_divided_by_the_sum_of_call_times() -> None:
    rounds = [
        [series("latency_ns", [1_000_000, 3_000_000], batch_size=8)],
        [series("latency_ns", [4_000_000], batch_size=8)],
    ]
    found = by_name(Throughput(batch_sizes=(8, 16)).results(evidence(rounds)))

    assert found["throughput_rows_per_s", "mean", 8].value == pytest.approx(24 / 0.008)
    assert found["throughput_rows_per_s", "mean", 16].value is None


def test_start_up_is_told_step_by_step() -> None:
    rounds = [
        [
            series("spawn_ns", [10_000_000]),
            series("import_ns", [20_000_000]),
            series("load_ns", [30_000_000]),
            series("first_call_ns", [40_000]),
            series("early_call_ns", [9000, 7000, 8000]),
        ]
    ]
    found = by_name(StartUp().results(evidence(rounds)))

    steps = ("spawn_s", "import_s", "load_s", "first_call_s", "early_call_s")
    assert [found[step, "median", 0].value for step in steps] == pytest.approx([0.01, 0.02, 0.03, 4e-5, 8e-6])


def test_memory_is_the_median_over_processes() -> None:
    rounds = [
        [series("memory_loaded_bytes", [size - 1]), series("memory_peak_bytes", [size])] for size in (300, 100, 200)
    ]
    found = by_name(Memory().results(evidence(rounds)))

    assert found["memory_peak_bytes", "median", 0].value == 200
    assert found["memory_loaded_bytes", "median", 0].value == 199


def test_size_is_the_same_on_every_agent() -> None:
    (one,) = Size().results(evidence([], agent_id="a", size_bytes=123))
    (other,) = Size().results(evidence([], agent_id="b", size_bytes=123))

    assert one == other
    assert one.value == 123


@pytest.mark.parametrize(
    "params",
    [
        {"batch_sizes": ()},
        {"batch_sizes": (0,)},
        {"batch_sizes": (1, 1)},
        {"slice_count": 0},
        {"slice_s": 0.0},
        {"warmup_s": -1.0},
    ],
)
@pytest.mark.parametrize("test_class", [Latency, Throughput])
def test_parameters_that_make_no_sense_are_refused(
    test_class: type[Latency] | type[Throughput], params: dict[str, float]
) -> None:
    with pytest.raises(ValueError, match=r"has to be|needs"):
        test_class(**params)  # type: ignore[arg-type]  # values of the right types


def test_timings_of_several_tests_are_served_by_one() -> None:
    specs = [
        LatencySpec(batch_sizes=(1, 8), slice_count=2, slice_ns=10, warmup_ns=5),
        LatencySpec(batch_sizes=(4, 8), slice_count=3, slice_ns=5, warmup_ns=6),
    ]

    assert merged_latency_spec(specs) == LatencySpec(batch_sizes=(1, 4, 8), slice_count=3, slice_ns=10, warmup_ns=6)
    assert merged_latency_spec([]) is None
