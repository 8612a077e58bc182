"""Finds out what a job would do: model and data are inspected, candidates enumerated, nothing is made or measured."""

import uuid
from collections.abc import Mapping, Sequence

from mltest.coordinator.builder.builder import Inspection
from mltest.coordinator.builder.recipes import Recipes, enumerate_recipes
from mltest.coordinator.builder.tool_report import ToolReport
from mltest.coordinator.job.preparation import open_builder
from mltest.coordinator.job.site import Site
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.preview_text import preview_lines
from mltest.coordinator.planning.time_estimate import time_estimate
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.energy import energy_test
from mltest.coordinator.tests.footprint import merged_memory_spec
from mltest.coordinator.tests.registry import sample_tests
from mltest.coordinator.tests.role import SampleTest
from mltest.coordinator.tests.timing import merged_latency_spec
from mltest.shared.domain import JobPreview, JobSpec, LatencySpec, PrunedCell


async def preview(site: Site, spec: JobSpec) -> JobPreview:
    """Return what a job of `spec`, whose files are here, would do.

    Raises:
        MltestError: model or data cannot be used, or the plan names candidates that there are not.

    """
    plan = parse_plan(spec.plan_toml)
    inspection, tools = await _inspected(site, spec, plan)
    return preview_of(plan, inspection, enumerate_recipes(inspection.model, plan, tools=tools))


def preview_of(plan: Plan, inspection: Inspection, recipes: Recipes) -> JobPreview:
    """Return what is known once model and data were inspected."""
    model, dataset, left_out = inspection.model, inspection.dataset, _left_out(recipes)
    made_count = sum(not candidate.reason for candidate in recipes.candidates)
    tests = sample_tests(chosen_tests(plan, model, has_target=dataset.has_target))
    estimate = time_estimate(plan, _latency(tests), made_count, merged_memory_spec(tests))
    lines = preview_lines(
        *(plan, model, dataset, recipes.candidates, recipes.pruned, left_out),
        least_s=estimate.least_s,
        most_s=estimate.most_s,
        energy=energy_test(tests),
    )
    return JobPreview(
        model=model,
        dataset=dataset,
        candidates=recipes.candidates,
        pruned=recipes.pruned,
        left_out=left_out,
        notes=inspection.notes,
        measuring_least_s=estimate.least_s,
        measuring_most_s=estimate.most_s,
        text="\n".join(lines),
    )


async def _inspected(site: Site, spec: JobSpec, plan: Plan) -> tuple[Inspection, Mapping[str, ToolReport]]:
    folder = site.work_folder / f"preview-{uuid.uuid4().hex[:12]}"
    shas = (spec.model.sha256, *(file.sha256 for file in spec.data))
    with site.blobs.pinned(shas):
        async with open_builder(folder) as builder:
            inspection = await builder.inspect(
                spec,
                plan,
                model=site.blobs.path(spec.model.sha256),
                data=[site.blobs.path(file.sha256) for file in spec.data],
                folder=folder,
            )
            return inspection, await builder.tools(inspection.model, plan)


def _left_out(recipes: Recipes) -> tuple[PrunedCell, ...]:
    return tuple(PrunedCell(label=one.candidate.label, reason=one.reason) for one in recipes.left_out)


def _latency(tests: Sequence[SampleTest]) -> LatencySpec | None:
    return merged_latency_spec([found for test in tests if (found := test.latency_spec()) is not None])
