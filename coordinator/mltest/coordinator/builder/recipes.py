"""Recipes: which candidates a model gives, and what identifies them. Pure; nothing is opened or imported for it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mltest.coordinator.builder.choice import EVERY_TRANSFORM, UNTRANSFORMED, LeftOut, check_names, choose
from mltest.coordinator.builder.exporters.registry import exporter_needs
from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.coordinator.builder.obstacles import exporter_obstacle, transform_obstacle, variant_obstacle
from mltest.coordinator.builder.transforms.registry import transform_label, transform_needs
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import Variant
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate, ModelInfo, PrunedCell
from mltest.shared.errors import ModelUnsupportedError

_ID_DIGITS = 12
_BUT_THIS = ", this "
"""Between what an exporter takes and what the model is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipes:
    """The product of transforms, exporters, variants, runtimes and threads, as far as the plan wants it."""

    candidates: tuple[Candidate, ...]
    """The native baseline is number one; a runtime that nothing serves is a candidate with its reason."""
    pruned: tuple[PrunedCell, ...]
    """What does not take this model."""
    left_out: tuple[LeftOut, ...]
    """What the plan does not want."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A transform's variant."""

    label: str
    variant: Variant


_UNCHANGED = _Change("", Variant())


def enumerate_candidates(
    model: ModelInfo,
    plan: Plan,
    needs: Sequence[ExporterNeeds] | None = None,
    transforms: Sequence[TransformNeeds] | None = None,
) -> tuple[Candidate, ...]:
    """Return the candidates of `model`, as `enumerate_recipes` gives them."""
    return enumerate_recipes(model, plan, needs, transforms).candidates


def enumerate_recipes(
    model: ModelInfo,
    plan: Plan,
    needs: Sequence[ExporterNeeds] | None = None,
    transforms: Sequence[TransformNeeds] | None = None,
) -> Recipes:
    """Return the product of transforms, exporters, variants, runtimes and threads for `model`; untransformed first.

    What the exporters' needs rule out is a candidate with its reason, unless another exporter serves the same runtime.
    The plan's choice leaves candidates out, but never the baseline.

    Raises:
        PlanInvalidError: the plan names a runtime, a transform or candidates that there are not.
        ModelUnsupportedError: no runtime takes the model as submitted.

    """
    known = exporter_needs() if needs is None else tuple(needs)
    known_transforms = transform_needs() if transforms is None else tuple(transforms)
    check_names(plan.runtimes, [runtime for found in known for runtime in found.runtimes], noun="runtime")
    check_names(plan.transforms, _transform_names(known_transforms), noun="transform")
    possible = [found for found in known if not exporter_obstacle(found, model)]
    if not any(found.is_native for found in possible):
        raise ModelUnsupportedError(detail=f"no runtime takes {model.format} files as they are")
    served = {runtime for found in possible for runtime in found.runtimes}
    ruled_out = [found for found in known if exporter_obstacle(found, model) and not served.issuperset(found.runtimes)]
    possible.sort(key=lambda found: not found.is_native)
    changes = [_UNCHANGED, *_changes(known_transforms, model)]
    baseline, *others = (
        *(one for change in changes for found in possible for one in _made(found, model, change, plan)),
        *(one for runtime, found in _by_runtime(ruled_out).items() for one in _impossible(runtime, found, model, plan)),
    )
    choice = choose(_with_own_labels((replace(baseline, is_baseline=True), *others)), plan)
    return Recipes(
        candidates=choice.kept,
        left_out=choice.left_out,
        pruned=(*_pruned_variants(possible, model), *_pruned_transforms(known_transforms, model)),
    )


def recipe_key(candidate: Candidate, model_sha256: str, versions: Mapping[str, str], *, rows_sha256: str = "") -> str:
    """Return what identifies the artifact of `candidate`: the same key means the same bytes.

    Threads do not belong to it: they change how an artifact is run, not what it is. Nor does the dataset, unless the
    recipe uses its rows.
    """
    key: dict[str, object] = {
        "model": model_sha256,
        "exporter": candidate.exporter,
        "format": candidate.format,
        "transforms": [candidate.transform] if candidate.transform else [],
        "versions": dict(versions),
    }
    if candidate.recipe_options:
        key["options"] = dict(candidate.recipe_options)
    if candidate.uses_rows:
        key["rows"] = rows_sha256
    return _digest(key)


def _made(found: ExporterNeeds, model: ModelInfo, change: _Change, plan: Plan) -> Iterator[Candidate]:
    for variant in found.variants:
        if variant_obstacle(variant, model):
            continue
        for runtime in found.runtimes:
            for threads in _threads(found, plan):
                yield _candidate(found, variant, change, model, runtime, threads)


def _threads(found: ExporterNeeds, plan: Plan) -> tuple[int, ...]:
    return (1,) if found.is_single_threaded else plan.threads


def _by_runtime(ruled_out: Sequence[ExporterNeeds]) -> dict[str, list[ExporterNeeds]]:
    runtimes = dict.fromkeys(runtime for found in ruled_out for runtime in found.runtimes)
    return {runtime: [found for found in ruled_out if runtime in found.runtimes] for runtime in runtimes}


def _impossible(runtime: str, ruled_out: Sequence[ExporterNeeds], model: ModelInfo, plan: Plan) -> Iterator[Candidate]:
    """Yield the candidates of a runtime that no exporter serves, with what they all take."""
    parts = [exporter_obstacle(found, model).partition(_BUT_THIS) for found in ruled_out]
    reason = "; or ".join(dict.fromkeys(takes for takes, _, _ in parts)) + "".join(parts[0][1:])
    for threads in _threads(ruled_out[0], plan):
        plain = _candidate(ruled_out[0], Variant(), _UNCHANGED, model, runtime, threads)
        yield replace(plain, reason_code=ModelUnsupportedError.code, reason=f"{runtime} takes {reason}")


def _candidate(
    found: ExporterNeeds, variant: Variant, change: _Change, model: ModelInfo, runtime: str, threads: int
) -> Candidate:
    artifact_format = found.formats.get(model.format) or next(iter(found.formats.values()))
    recipe = {
        "runtime": runtime,
        "format": artifact_format,
        "exporter": found.name,
        "transforms": [change.label] if change.label else [],
        "threads": threads,
        "options": dict(variant.options),
    }
    many = "" if threads == 1 else f"{threads} threads"
    return Candidate(
        candidate_id=_digest(recipe)[:_ID_DIGITS],
        label=", ".join(part for part in (runtime, variant.name, change.label, many) if part),
        runtime=runtime,
        format=artifact_format,
        exporter=found.name,
        threads=threads,
        options=dict(variant.options),
        transform=change.label,
        variant=variant.name,
        recipe_options=dict(variant.options),
        is_lossy=variant.is_lossy or change.variant.is_lossy,
        uses_rows=variant.uses_rows or change.variant.uses_rows,
        varies_with_batch=variant.varies_with_batch or change.variant.varies_with_batch,
    )


def _changes(known: Sequence[TransformNeeds], model: ModelInfo) -> Iterator[_Change]:
    for found in known:
        if not transform_obstacle(found, model):
            for variant in found.variants:
                if not variant_obstacle(variant, model):
                    yield _Change(transform_label(found, variant), variant)


def _pruned_variants(possible: Sequence[ExporterNeeds], model: ModelInfo) -> Iterator[PrunedCell]:
    for found in possible:
        for variant in found.variants:
            if reason := variant_obstacle(variant, model):
                for runtime in found.runtimes:
                    yield PrunedCell(label=f"{runtime}, {variant.name}", reason=f"it takes {reason}")


def _pruned_transforms(known: Sequence[TransformNeeds], model: ModelInfo) -> Iterator[PrunedCell]:
    for found in known:
        if reason := transform_obstacle(found, model):
            yield PrunedCell(label=found.name, reason=f"it takes {reason}")
            continue
        for variant in found.variants:
            if reason := variant_obstacle(variant, model):
                yield PrunedCell(label=transform_label(found, variant), reason=f"it takes {reason}")


def _with_own_labels(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return `candidates` with the exporter in those labels that several have."""
    labels = [candidate.label for candidate in candidates]
    return tuple(
        replace(one, label=f"{one.label} ({one.exporter})") if labels.count(one.label) > 1 else one
        for one in candidates
    )


def _transform_names(known: Sequence[TransformNeeds]) -> tuple[str, ...]:
    labels = (transform_label(found, variant) for found in known for variant in found.variants)
    return (UNTRANSFORMED, EVERY_TRANSFORM, *(found.name for found in known), *labels)


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
