"""Recipes: which candidates a model gives, and what identifies them. Pure; nothing is opened or imported for it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mltest.coordinator.builder.exporters.registry import exporter_needs
from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.registry import nearest
from mltest.shared.domain import Candidate, ModelInfo
from mltest.shared.errors import ModelUnsupportedError, PlanInvalidError

_ID_DIGITS = 12


def enumerate_candidates(
    model: ModelInfo, plan: Plan, needs: Sequence[ExporterNeeds] | None = None
) -> tuple[Candidate, ...]:
    """Return the product of exporters, runtimes and threads for `model`; the native baseline is number one.

    What the exporters' needs rule out is a candidate with its reason, unless another exporter serves the same runtime.
    The plan's choice of runtimes leaves candidates out, but never the baseline.

    Raises:
        PlanInvalidError: the plan names a runtime that nothing is made for.
        ModelUnsupportedError: no runtime takes the model as submitted.

    """
    known = exporter_needs() if needs is None else tuple(needs)
    _check_runtimes(plan, known)
    possible = [found for found in known if not _obstacle(found, model)]
    if not any(found.is_native for found in possible):
        raise ModelUnsupportedError(detail=f"no runtime takes {model.format} files as they are")
    served = {runtime for found in possible for runtime in found.runtimes}
    ruled_out = [found for found in known if _obstacle(found, model) and not served.issuperset(found.runtimes)]
    possible.sort(key=lambda found: not found.is_native)
    baseline, *others = (
        _candidate(found, model, runtime, threads)
        for found in (*possible, *ruled_out)
        for runtime in found.runtimes
        for threads in plan.threads
    )
    chosen = [other for other in others if not plan.runtimes or other.runtime in plan.runtimes]
    return (_as_baseline(baseline), *chosen)


def recipe_key(candidate: Candidate, model_sha256: str, versions: Mapping[str, str]) -> str:
    """Return what identifies the artifact of `candidate`: the same key means the same bytes.

    Threads do not belong to it: they change how an artifact is run, not what it is.
    """
    return _digest(
        {
            "model": model_sha256,
            "exporter": candidate.exporter,
            "format": candidate.format,
            "transforms": [],
            "versions": dict(versions),
        }
    )


def _candidate(found: ExporterNeeds, model: ModelInfo, runtime: str, threads: int) -> Candidate:
    artifact_format = found.formats.get(model.format) or next(iter(found.formats.values()))
    recipe = {
        "runtime": runtime,
        "format": artifact_format,
        "exporter": found.name,
        "transforms": [],
        "threads": threads,
        "options": {},
    }
    obstacle = _obstacle(found, model)
    return Candidate(
        candidate_id=_digest(recipe)[:_ID_DIGITS],
        label=runtime if threads == 1 else f"{runtime}, {threads} threads",
        runtime=runtime,
        format=artifact_format,
        exporter=found.name,
        reason_code=ModelUnsupportedError.code if obstacle else "",
        reason=f"{runtime} takes {obstacle}" if obstacle else "",
        threads=threads,
    )


def _as_baseline(candidate: Candidate) -> Candidate:
    return replace(candidate, is_baseline=True)


def _obstacle(found: ExporterNeeds, model: ModelInfo) -> str:
    """Return what it takes instead of `model`; empty if it takes it."""
    if model.format not in found.formats:
        return f"{found.takes}, this is an {model.format} file"
    if found.families and model.family not in found.families:
        return f"{found.takes}, this model's family is {model.family}"
    if found.tasks and model.task not in found.tasks:
        return f"{' and '.join(task.value for task in found.tasks)}, this is {model.task.value}"
    return ""


def _check_runtimes(plan: Plan, known: Sequence[ExporterNeeds]) -> None:
    valid = tuple(dict.fromkeys(runtime for found in known for runtime in found.runtimes))
    for name in plan.runtimes:
        if name not in valid:
            raise PlanInvalidError(detail=f"no runtime {name!r}; {nearest(name, valid)}")


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
