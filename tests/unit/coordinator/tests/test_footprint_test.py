"""What the coordinator makes of the memory of processes that only load and answer."""

from collections.abc import Sequence

import pytest

from mltest.coordinator.job.scheduler import Subject, plan_visits
from mltest.coordinator.planning.figure_names import parse_figure
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.tests.footprint import Footprint, merged_memory_spec
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import CallRemark, FindingLevel, RemarkKind, Result, SampleSeries
from mltest.shared.errors import PlanInvalidError
from tests.unit.coordinator.evidence import MODEL, agent, candidate, evidence, series
from tests.unit.coordinator.jobs_in_memory import DATASET

MIB = 1024 * 1024
FLAT = [50 * MIB] * 21
LEAKING = [50 * MIB + index * 64 * 1024 for index in range(21)]


def process(peak_mib: int, rss: Sequence[int] = FLAT, *, swapped: int = 0, place: int = 0) -> list[SampleSeries]:
    values = {"memory_deploy_peak_bytes": peak_mib * MIB, "memory_swapped_bytes": swapped}
    found = [series(metric, [value], slice_index=place) for metric, value in values.items()]
    return [*found, series("memory_rss_bytes", rss, slice_index=place, calls_per_value=10)]


def results(found: SampleEvidence, test: Footprint | None = None) -> dict[tuple[str, str], Result]:
    return {(one.metric, one.statistic): one for one in (test or Footprint()).results(found)}


def test_three_processes_give_median_largest_and_spread() -> None:
    found = results(evidence([process(100), process(110), process(104)]))

    peak = {statistic: found["memory_deploy_peak_bytes", statistic].value for statistic in ("median", "max", "spread")}
    assert peak["median"] == pytest.approx(104.6 * MIB, rel=1e-3)
    assert (peak["max"], peak["spread"]) == (110 * MIB, 10 * MIB)
    assert found["memory_deploy_peak_bytes", "median"].low is not None


def test_a_leak_is_a_share_of_the_processes() -> None:
    found = results(evidence([process(100, LEAKING), process(100), process(100, LEAKING)]))

    assert found["memory_leak_ratio", "value"].value == pytest.approx(2 / 3)
    assert found["memory_growth_bytes", "median"].value == pytest.approx(64 * 1024 / 10)


def test_growth_that_ends_is_no_leak() -> None:
    settling = [50 * MIB + min(index, 8) * 64 * 1024 for index in range(21)]

    assert results(evidence([process(100, settling)]))["memory_leak_ratio", "value"].value == 0


def test_what_was_not_measured_is_absent_with_the_reason_of_the_agent() -> None:
    why = CallRemark(kind=RemarkKind.ABSENT, metric="memory_parameter_bytes", text="onnxruntime does not tell")
    found = results(evidence([process(100)], remarks=[why]))

    parameters = found["memory_parameter_bytes", "median"]
    assert (parameters.value, parameters.reason) == (None, "onnxruntime does not tell")
    assert not any(metric.startswith("memory_gpu") for metric, _ in found)


def test_a_process_that_was_swapped_gives_no_rank() -> None:
    peak = results(evidence([process(100, swapped=4096)]))["memory_deploy_peak_bytes", "median"]

    assert peak.value == pytest.approx(100 * MIB)
    assert peak.doubt_level is FindingLevel.REFUSE
    assert "swap" in peak.doubt


def test_a_cold_page_cache_has_figures_of_its_own() -> None:
    found = results(evidence([[*process(100), *process(90, place=1)]]), Footprint(cold=True))

    assert found["memory_deploy_peak_bytes", "median"].value == pytest.approx(100 * MIB)
    assert found["memory_deploy_peak_bytes", "cold median"].value == pytest.approx(90 * MIB)


def test_memory_is_measured_in_the_first_three_rounds() -> None:
    memory = Footprint().memory_spec()
    subject = Subject(job_id="j", plan=Plan(), model=MODEL, dataset=DATASET, latency=None, memory=memory)

    visits = plan_visits(subject, agent("a"), [candidate("c")], rounds=range(5))

    assert [visit.memory is not None for visit in visits] == [True, True, True, False, False]


def test_two_ways_to_measure_memory_are_refused() -> None:
    with pytest.raises(PlanInvalidError, match="one Footprint test"):
        merged_memory_spec([Footprint(), Footprint(calls=60)])


def test_a_plan_names_it_and_candidates_are_ordered_by_it() -> None:
    plan = parse_plan('[job]\ntest_names = ["default", "footprint"]\n')

    assert plan.test_names == ("default", "footprint")
    assert parse_figure("memory_deploy_peak_bytes").statistic == "median"
    assert parse_figure("memory_deploy_peak_bytes.max").statistic == "max"
