"""The tests that read raw samples."""

import math

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
    assert median.value == pytest.approx(math.sqrt(2e-6 * 3e-6))
    assert median.count == 4
    assert median.low is not None
    assert median.high is not None
    assert median.low < 2.45e-6 < median.high
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

    assert found["throughput_rows_per_s", "mean", 8].value == pytest.approx(math.sqrt(16 / 0.004 * 8 / 0.004))
    assert found["throughput_rows_per_s", "mean", 8].count == 3
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


def test_memory_is_the_geometric_mean_over_processes() -> None:
    rounds = [
        [series("memory_loaded_bytes", [size - 1]), series("memory_peak_bytes", [size])] for size in (301, 101, 401)
    ]
    found = by_name(Memory().results(evidence(rounds)))

    assert found["memory_peak_bytes", "median", 0].value == pytest.approx((301 * 101 * 401) ** (1 / 3))
    assert found["memory_loaded_bytes", "median", 0].value == pytest.approx((300 * 100 * 400) ** (1 / 3))


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


def test_forms_of_a_call_are_results_of_their_own() -> None:
    rounds = [
        [
            series("latency_ns", [4000], batch_size=1),
            series("lean_latency_ns", [3000], batch_size=1),
            series("native_latency_ns", [2000], batch_size=1),
            series("conversion_ns", [1000], batch_size=1),
        ]
    ]
    test = Latency(batch_sizes=(1,), forms=("python", "lean", "native", "conversion"))
    found = by_name(test.results(evidence(rounds)))

    metrics = ("latency_s", "lean_latency_s", "native_latency_s", "conversion_s")
    assert [found[metric, "median", 1].value for metric in metrics] == pytest.approx([4e-6, 3e-6, 2e-6, 1e-6])
    assert ("lean_latency_s", "median", 1) not in by_name(Latency(batch_sizes=(1,)).results(evidence(rounds)))


def test_forms_are_timed_in_the_order_of_the_metric_table() -> None:
    assert Latency().latency_spec().metrics == ()
    assert Latency(forms=("native", "python")).latency_spec().metrics == ("latency_ns", "native_latency_ns")
    assert Latency(forms=("lean",)).latency_spec().metrics == ("lean_latency_ns",)


@pytest.mark.parametrize("forms", [(), ("python", "python"), ("natve",)])
def test_forms_that_make_no_sense_are_refused(forms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="forms"):
        Latency(forms=forms)


def test_an_unknown_form_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="'native'"):
        Latency(forms=("natve",))


@pytest.mark.parametrize(
    ("metrics", "merged"),
    [
        ([(), ()], ()),
        ([("latency_ns",), ()], ()),
        ([(), ("lean_latency_ns",)], ("latency_ns", "lean_latency_ns")),
        ([("conversion_ns",), ("native_latency_ns",)], ("native_latency_ns", "conversion_ns")),
    ],
)
def test_forms_of_several_tests_are_timed_together(metrics: list[tuple[str, ...]], merged: tuple[str, ...]) -> None:
    specs = [
        LatencySpec(batch_sizes=(1,), slice_count=1, slice_ns=1, warmup_ns=1, metrics=wanted) for wanted in metrics
    ]
    found = merged_latency_spec(specs)

    assert found is not None
    assert found.metrics == merged


@pytest.mark.parametrize(("values", "merged"), [((0, 0), 0), ((100, 300), 300), ((100, 0), 0)])
def test_the_most_calls_of_a_slice_are_kept_and_as_many_as_fit_are_the_most(
    values: tuple[int, int], merged: int
) -> None:
    specs = [
        LatencySpec(batch_sizes=(1,), slice_count=1, slice_ns=1, warmup_ns=1, slice_values=count) for count in values
    ]
    found = merged_latency_spec(specs)

    assert found is not None
    assert found.slice_values == merged


def test_slices_of_a_throttled_machine_are_in_no_statistic() -> None:
    rounds = [
        [
            series("latency_ns", [1000, 1000], batch_size=1, slice_index=0),
            series("latency_ns", [9000, 9000], batch_size=1, slice_index=1, is_throttled=True),
        ]
    ]
    median = by_name(Latency(batch_sizes=(1,)).results(evidence(rounds)))["latency_s", "median", 1]
    rate = by_name(Throughput(batch_sizes=(1,)).results(evidence(rounds)))["throughput_rows_per_s", "mean", 1]

    assert median.value == pytest.approx(1e-6)
    assert rate.value == pytest.approx(1e6)
    assert median.count == rate.count == 2


def test_calls_that_were_timed_together_give_times_of_one_call_but_no_percentiles() -> None:
    rounds = [[series("latency_ns", [5000, 7000] * 5000, batch_size=4, calls_per_value=10)]]
    found = by_name(Latency(batch_sizes=(4,)).results(evidence(rounds)))
    rate = by_name(Throughput(batch_sizes=(4,)).results(evidence(rounds)))["throughput_rows_per_s", "mean", 4]

    assert found["latency_s", "median", 4].value == pytest.approx(6e-7)
    assert found["latency_s", "mean", 4].value == pytest.approx(6e-7)
    for statistic in ("p90", "p95", "p99", "p99_9"):
        assert found["latency_s", statistic, 4].value is None
        assert found["latency_s", statistic, 4].reason == "calls are too short to be timed one by one"
    assert rate.value == pytest.approx(4 / 6e-7)


def test_far_out_calls_are_counted_and_not_dropped() -> None:
    rounds = [[series("latency_ns", [*range(1000, 1099), 100_000], batch_size=1)]]
    found = by_name(Latency(batch_sizes=(1,)).results(evidence(rounds)))

    assert found["outlier_ratio", "value", 1].value == pytest.approx(0.01)
    assert found["latency_s", "median", 1].count == 100
    assert found["latency_s", "mean", 1].value == pytest.approx((sum(range(1000, 1099)) + 100_000) / 100 * 1e-9)
