"""What a job would do, in words and numbers."""

from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.builder.builder import Inspection
from mltest.coordinator.builder.recipes import enumerate_recipes
from mltest.coordinator.job.previewing import preview_of
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.time_estimate import energy_estimate, time_estimate
from mltest.coordinator.tests.energy import Energy
from mltest.coordinator.tests.footprint import Footprint
from mltest.shared.domain import DatasetInfo, JobPreview, LatencySpec
from tests.unit.coordinator.builder.test_recipes import FOREST, NATIVE, NETWORK, PRUNE

LATENCY = LatencySpec(batch_sizes=(1, 16), slice_count=20, slice_ns=10_000_000, warmup_ns=100_000_000)
INSPECTION = Inspection(
    model=FOREST,
    dataset=DatasetInfo(
        row_count=1234, source_row_count=1234, feature_count=4, dtype="float64", has_target=True, sha256=""
    ),
    dataset_path=Path(),
    reference_path=Path(),
    versions={},
)


def preview(plan: Plan) -> JobPreview:
    return preview_of(plan, INSPECTION, enumerate_recipes(FOREST, plan, (NATIVE, NETWORK), (PRUNE,)))


def test_every_candidate_stands_there_with_its_identity_and_kind() -> None:
    found = preview(Plan(transforms=("none",)))
    lines = found.text.splitlines()
    assert lines[0] == "RandomForestClassifier (forest, classification, skops), 1,234 rows"
    for candidate in found.candidates:
        assert any(candidate.candidate_id in line and candidate.label in line for line in lines)
    assert any(line.endswith("scikit-learn *") for line in lines)
    assert any(line.endswith("onnxruntime, int8 (lossy)") for line in lines)


def test_what_is_pruned_or_left_out_stands_there_with_the_reason() -> None:
    text = preview(Plan(transforms=("all",), skip=("*prune*",))).text
    assert "  onnxruntime, fused: it takes models of the families mlp" in text
    assert "  skip *prune*: scikit-learn, prune-trees 32; onnxruntime, prune-trees 32; " in text


def test_of_many_that_are_left_out_the_first_are_named() -> None:
    found = preview(Plan(threads=(1, 2, 3), skip=("*prune*",)))
    assert len(found.left_out) == 18
    assert " and 8 more (--json names them)" in found.text


def test_the_time_grows_with_candidates_and_is_bounded_by_a_budget() -> None:
    few, many = (time_estimate(Plan(), LATENCY, count) for count in (3, 30))
    assert few.least_s < few.most_s < many.most_s
    budget = time_estimate(Plan(budget_s=60), LATENCY, 30)
    assert budget.least_s == 60
    assert budget.most_s < many.most_s


def test_a_fixed_number_of_rounds_is_what_is_timed() -> None:
    found = time_estimate(Plan(rounds=4), LATENCY, 1)
    timed_s = 2 * (20 * 0.01 + 0.1)
    assert found.least_s == pytest.approx(4 * 2 * (1.5 + timed_s))
    assert found.most_s == pytest.approx(4 * 2 * (5 + timed_s))
    assert "4 rounds" in preview(Plan(rounds=4)).text


def test_more_forms_take_longer() -> None:
    both = replace(LATENCY, metrics=("latency_ns", "native_latency_ns"))
    assert time_estimate(Plan(), both, 3).least_s > time_estimate(Plan(), LATENCY, 3).least_s


@pytest.mark.parametrize("cold", [False, True])
def test_memory_takes_processes_of_its_own_in_three_rounds(cold: bool) -> None:
    plain = time_estimate(Plan(), LATENCY, 3)
    found = time_estimate(Plan(), LATENCY, 3, Footprint(seconds=0.5, cold=cold).memory_spec())

    process_count = (3 + 1) * 3 * (2 if cold else 1)
    assert found.least_s - plain.least_s == pytest.approx(process_count * (1.5 + 0.5))
    assert found.most_s - plain.most_s == pytest.approx(process_count * (5.0 + 0.5))


def test_the_preview_counts_the_processes_of_memory() -> None:
    timed = '[[tests]]\nmodule = "mltest.coordinator.tests.latency"\nclass = "Latency"\n'
    both = timed + '[[tests]]\nmodule = "mltest.coordinator.tests.footprint"\nclass = "Footprint"\n'
    plain, with_memory = (preview(parse_plan(f"[job]\nrounds = 3\n{text}")) for text in (timed, both))
    assert with_memory.measuring_least_s > plain.measuring_least_s + 3 * 1.5


def test_energy_takes_a_time_of_its_own_where_there_is_a_meter() -> None:
    energy = Energy()
    few, many = (energy_estimate(energy.energy_spec(), energy.rounds, count) for count in (1, 10))
    first_looks_s = 2 * 2.0
    assert few.least_s == pytest.approx(7 * (2.5 + 1.5 + 1.0 + 3 * 2.5) + first_looks_s)
    assert few.least_s < many.least_s < many.most_s
    assert "Energy takes another " in preview(Plan()).text
    assert "Energy" not in preview(Plan(test_names=("latency",))).text
