"""bench.candidates: which ratios come of a job, whatever takes part in it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bench.candidate_figures import Race, figures_of, missing_rivals, tool_of
from mltest.coordinator.analysis.standings import summarise
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate, JobResults, Result
from tests.unit.coordinator.analysis.test_standings import evaluation
from tests.unit.coordinator.evidence import MODEL, agent, candidate, timed
from tests.unit.coordinator.report.test_report import JOB

TIMES_NS = {"scikit-learn": 4e6, "c": 1e4, "onnxruntime": 2e4, "wrong": 1e3, "pruned": 2e3}


def race(times_ns: Mapping[str, float]) -> Race:
    candidates = [_candidate(name) for name in times_ns]
    samples = [timed(name, "a", ns, seed=place) for place, (name, ns) in enumerate(times_ns.items())]
    agreement = Result(candidate_id="", agent_id="a", test="agreement", metric="label_agreement", value=1.0)
    evaluations = [
        replace(found, results=(*found.results, replace(agreement, candidate_id=name)))
        for name in times_ns
        for found in [evaluation(name, gate_reason="labels differ" if name == "wrong" else "")]
    ]
    results, standings = summarise(
        plan=Plan(rounds=6),
        model=MODEL,
        candidates=candidates,
        agents=[agent("a")],
        samples=samples,
        evaluations=evaluations,
        problems=(),
    )
    everything = JobResults(job=JOB, candidates=tuple(candidates), results=results, standings=standings)
    return Race(results=everything, samples={one.candidate_id: one for one in samples})


def _candidate(name: str) -> Candidate:
    return replace(candidate(name, is_baseline=name == "scikit-learn"), is_lossy=name == "pruned")


def test_the_best_is_compared_with_the_baseline_and_with_the_fastest_other() -> None:
    found = {figure.name: figure.value for figure in figures_of(race(TIMES_NS), large=1)}

    assert found["candidates_built_count"] == 5
    assert found["candidates_ranked_count"] == 4
    assert found["lossless_gated_count"] == 1, "what is gated wins nothing, however fast"
    assert found["lossless_label_agreement_min_ratio"] == 1
    assert found["speedup_batch1_ratio"] == pytest.approx(400, rel=0.05)
    assert found["speedup_batch1_ratio_low"] < 400 < found["speedup_batch1_ratio_high"]
    assert found["best_against_fastest_other_batch1_ratio"] == pytest.approx(0.5, rel=0.05), "and what is lossy neither"
    assert found["best_lossless_against_fastest_other_batch10000_ratio"] == pytest.approx(0.5, rel=0.05)
    assert found["batch1_c_s"] == pytest.approx(1e-5, rel=0.3)
    assert missing_rivals(race(TIMES_NS)) == ("tl2cgen", "fastinference", "m2cgen", "daal4py", "hummingbird")


def test_where_another_tool_is_the_best_the_ratio_is_one_and_our_own_is_shown_beside_it() -> None:
    found = {figure.name: figure.value for figure in figures_of(race({**TIMES_NS, "onnxruntime": 5e3}), large=1)}

    assert found["best_against_fastest_other_batch1_ratio"] == 1
    assert found["own_against_fastest_other_batch1_ratio"] == pytest.approx(2, rel=0.05)


def test_without_any_other_tool_there_is_no_ratio() -> None:
    names = {figure.name for figure in figures_of(race({"scikit-learn": 4e6, "c": 1e4}), large=1)}
    assert "speedup_batch1_ratio" in names
    assert "best_against_fastest_other_batch1_ratio" not in names


@pytest.mark.parametrize(
    ("runtime", "exporter", "variant", "tool"),
    [
        ("c", "c_export", "if-else", "c"),
        ("c", "tl2cgen_export", "", "tl2cgen"),
        ("c", "c_export", "FastInference native", "fastinference"),
        ("torch", "hummingbird_export", "jit", "hummingbird"),
        ("daal4py", "daal4py_export", "", "daal4py"),
    ],
)
def test_a_candidate_is_the_work_of_the_tool_that_its_recipe_names(
    runtime: str, exporter: str, variant: str, tool: str
) -> None:
    assert tool_of(replace(candidate("x"), runtime=runtime, exporter=exporter, variant=variant)) == tool
