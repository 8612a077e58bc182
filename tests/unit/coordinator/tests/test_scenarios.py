"""Open loop and offline: from what agents send to results, and from names to tests."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mltest.coordinator.planning import plan as plans
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.latency import Latency
from mltest.coordinator.tests.offline import Offline
from mltest.coordinator.tests.open_loop import OpenLoop, merged_open_loop_spec
from mltest.coordinator.tests.registry import choice_of, default_tests, make_test
from mltest.coordinator.tests.scenarios import with_scenarios
from mltest.shared.domain import CallRemark, OpenLoopSpec, RemarkKind, Result, SampleSeries
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.evidence import MODEL, by_name, evidence, series

MS = 1_000_000


def rate(index: int, latency_ns: Sequence[int], lateness_ns: int = 1000) -> list[SampleSeries]:
    return [
        series("open_loop_latency_ns", latency_ns, batch_size=1, slice_index=index),
        series("open_loop_lateness_ns", [lateness_ns] * len(latency_ns), batch_size=1, slice_index=index),
    ]


def found(results: Sequence[Result], metric: str, statistic: str, label: str = "") -> Result:
    (result,) = (r for r in results if (r.metric, r.statistic, r.label) == (metric, statistic, label))
    return result


def names(tests: Sequence[plans.TestChoice]) -> list[str]:
    return [test.class_name for test in tests]


def test_each_rate_has_results_of_its_own() -> None:
    rounds = [[*rate(0, [2 * MS] * 7000), *rate(1, [*[2 * MS] * 6900, *[90 * MS] * 100])]]
    results = OpenLoop(rates_per_s=(10, 80)).results(evidence(rounds))

    assert found(results, "open_loop_latency_s", "median", "10/s").value == pytest.approx(2e-3)
    assert found(results, "open_loop_latency_s", "p99", "10/s").value == pytest.approx(2e-3)
    assert found(results, "open_loop_latency_s", "p99", "80/s").value == pytest.approx(90e-3)
    assert found(results, "open_loop_latency_s", "p99_9", "80/s").value == pytest.approx(90e-3)
    assert found(results, "open_loop_lateness_s", "p99", "80/s").value == pytest.approx(1e-6)


def test_a_percentile_needs_requests_enough() -> None:
    results = OpenLoop(rates_per_s=(10,)).results(evidence([rate(0, [2 * MS] * 600)]))

    p99 = found(results, "open_loop_latency_s", "p99", "10/s")
    assert p99.value is None
    assert p99.reason == "needs 62 more requests: raise duration_s of the test"
    assert found(results, "open_loop_latency_s", "p90", "10/s").value == pytest.approx(2e-3)


def test_a_late_generator_says_nothing_of_the_server() -> None:
    results = OpenLoop(rates_per_s=(10,)).results(evidence([rate(0, [9 * MS] * 7000, lateness_ns=2 * MS)]))

    for statistic in ("median", "p90", "p99", "p99_9"):
        result = found(results, "open_loop_latency_s", statistic, "10/s")
        assert result.value is None
        assert result.reason.startswith("generator-limited: one request in a hundred was sent 2 ms late")
    assert found(results, "open_loop_lateness_s", "p99", "10/s").value == pytest.approx(2e-3)


def test_an_overloaded_rate_says_so_and_the_others_count() -> None:
    remark = CallRemark(
        kind=RemarkKind.ABSENT, metric="open_loop_latency_ns", batch_size=1, text="80/s: overloaded, requests waited"
    )
    results = OpenLoop(rates_per_s=(8, 80), slo_s=0.01).results(evidence([rate(0, [MS] * 700)], remarks=[remark]))

    assert found(results, "open_loop_latency_s", "p99", "80/s").reason == "overloaded, requests waited"
    assert found(results, "open_loop_latency_s", "p99", "8/s").value == pytest.approx(1e-3)
    assert found(results, "open_loop_capacity_per_s", "value").value == 8


def test_the_capacity_is_the_highest_rate_that_keeps_the_limit() -> None:
    rounds = [[*rate(0, [MS] * 700), *rate(1, [2 * MS] * 700), *rate(2, [50 * MS] * 700)]]
    results = OpenLoop(rates_per_s=(10, 80, 200), slo_s=0.005).results(evidence(rounds))

    assert found(results, "open_loop_capacity_per_s", "value").value == 80


def test_without_a_rate_that_keeps_the_limit_there_is_no_capacity() -> None:
    results = OpenLoop(rates_per_s=(10,), slo_s=0.005).results(evidence([rate(0, [50 * MS] * 700)]))
    capacity = found(results, "open_loop_capacity_per_s", "value")

    assert capacity.value is None
    assert capacity.reason == "no rate keeps a p99 of 5 ms"


def test_without_a_limit_no_capacity_is_told() -> None:
    results = OpenLoop(rates_per_s=(10,)).results(evidence([rate(0, [MS] * 700)]))
    assert all(result.metric != "open_loop_capacity_per_s" for result in results)


@pytest.mark.parametrize(
    "params",
    [
        {"rates_per_s": ()},
        {"rates_per_s": (0.0,)},
        {"rates_per_s": (5.0, 5.0)},
        {"rates_per_s": (float("nan"),)},
        {"rates_per_s": (1e6,)},
        {"rates_per_s": (3334.0,)},
        {"rates_per_s": tuple(float(rate) for rate in range(1, 34))},
        {"duration_s": 0.0},
        {"batch_size": 0},
        {"max_lateness_s": 0.0},
        {"slo_s": -1.0},
    ],
)
def test_requests_that_make_no_sense_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needs|has to be"):
        OpenLoop(**params)  # type: ignore[arg-type]  # values of the right types


def test_the_requests_of_a_job_are_those_of_its_one_open_loop_test() -> None:
    one = OpenLoop(rates_per_s=(10.0,), duration_s=2, batch_size=4)

    assert merged_open_loop_spec([Latency(), one, one]) == OpenLoopSpec(
        rates_per_s=(10.0,), duration_ns=2_000_000_000, batch_size=4
    )
    assert merged_open_loop_spec([Latency()]) is None
    with pytest.raises(PlanInvalidError, match="one OpenLoop test"):
        merged_open_loop_spec([one, replace(one, rates_per_s=(20.0,))])


def test_offline_is_rows_divided_by_the_time_of_one_call() -> None:
    rounds = [[series("latency_ns", [500 * MS, 500 * MS], batch_size=10_000)]]
    rate = by_name(Offline().results(evidence(rounds)))["offline_rows_per_s", "mean", 10_000]

    assert rate.value == pytest.approx(20_000)
    assert rate.test == "offline"
    assert Offline().latency_spec().batch_sizes == (10_000,)


def test_scenarios_are_made_only_where_they_are_asked_for() -> None:
    assert not {"OpenLoop", "Offline"} & set(names(default_tests(MODEL, has_target=True)))


def test_scenarios_come_on_top_of_the_tests_of_the_plan() -> None:
    usual = chosen_tests(Plan(), MODEL, has_target=True)
    with_all = chosen_tests(Plan(scenarios=("offline", "open-loop:80,200")), MODEL, has_target=True)

    assert with_all[: len(usual)] == usual
    assert names(with_all[len(usual) :]) == ["Offline", "OpenLoop"]
    only = chosen_tests(Plan(tests=(choice_of(Latency),), scenarios=("offline",)), MODEL, has_target=True)
    assert names(only) == ["Latency", "Offline"]


def test_rates_of_several_scenarios_are_of_one_test() -> None:
    (test,) = with_scenarios((), ("open-loop:80", "open-loop:10,80"))
    made = make_test(test)
    assert isinstance(made, OpenLoop)
    assert made.rates_per_s == (10, 80)


def test_a_single_stream_is_a_latency_with_one_row() -> None:
    assert with_scenarios((choice_of(Latency),), ("single-stream",)) == (choice_of(Latency),)
    (test,) = with_scenarios((choice_of(Latency, {"batch_sizes": (32,)}),), ("single-stream",))
    assert test.params["batch_sizes"] == (1, 32)


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("ofline", "'offline'"),
        ("open-loop", "needs rates"),
        ("open-loop:fast", "needs rates"),
        ("open-loop:0", "above 0"),
        ("open-loop:nan", "above 0"),
        ("offline:5", "nothing behind a colon"),
        ("", "there is no scenario"),
    ],
)
def test_a_scenario_that_is_none_is_refused_when_the_plan_is_read(scenario: str, words: str) -> None:
    with pytest.raises(PlanInvalidError, match=words):
        parse_plan(f'[job]\nscenarios = ["{scenario}"]')


def test_a_plan_with_scenarios_is_written_and_read_again() -> None:
    plan = Plan(scenarios=("offline", "open-loop:80"))
    assert parse_plan(plan_toml(plan)) == plan
