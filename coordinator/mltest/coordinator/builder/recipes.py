"""Recipes: which candidates a model gives, and what identifies them. Pure; nothing is opened or imported for it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mltest.coordinator.builder.choice import EVERY_TRANSFORM, UNTRANSFORMED, LeftOut, check_names, choose
from mltest.coordinator.builder.exporters.registry import exporter_needs
from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.coordinator.builder.obstacles import (
    Absence,
    Mismatch,
    exporter_obstacle,
    part_obstacle,
    tool_obstacle,
    transform_obstacle,
    variant_obstacle,
)
from mltest.coordinator.builder.tool_report import UNKNOWN, ToolReport
from mltest.coordinator.builder.transform_sizes import wanted_labels, with_sizes
from mltest.coordinator.builder.transforms.registry import transform_label, transform_needs
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import Variant
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate, ModelInfo, PrunedCell
from mltest.shared.errors import ConversionError, ModelUnsupportedError
from mltest.shared.native.onnx_on_gpu import ON_GPU

_ID_DIGITS = 12
_FOR_PROCESSORS = "these operators are those of processors; on a GPU they were not tried"


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
_Tools = Mapping[str, ToolReport]
_NO_TOOLS: _Tools = MappingProxyType({})


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
    tools: _Tools = _NO_TOOLS,
) -> Recipes:
    """Return the product of transforms, exporters, variants, runtimes and threads for `model`; untransformed first.

    What the exporters' needs rule out is a candidate with its reason, unless another exporter serves the same runtime.
    The plan's choice leaves candidates out, but never the baseline. `tools` are those that exporters name, as they were
    found here.

    Raises:
        PlanInvalidError: the plan names a runtime, a transform or candidates that there are not.
        ModelUnsupportedError: no runtime takes the model as submitted.

    """
    known = exporter_needs() if needs is None else tuple(needs)
    known_transforms = with_sizes(transform_needs() if transforms is None else transforms, plan.transforms)
    wanted = wanted_labels(known_transforms, plan.transforms)
    check_names(plan.runtimes, [runtime for found in known for runtime in found.all_runtimes], noun="runtime")
    check_names(wanted, _transform_names(known_transforms), noun="transform")
    possible = [found for found in known if not exporter_obstacle(found, model) and not tool_obstacle(found, tools)]
    if not any(found.is_native for found in possible):
        raise ModelUnsupportedError(detail=f"no runtime takes {model.format} files as they are")
    served = {runtime for found in possible for runtime in found.runtimes_for(model.family)}
    ruled_out = [found for found in known if found not in possible and not served.issuperset(found.runtimes)]
    possible.sort(key=lambda found: not found.is_native)
    changes = [_UNCHANGED, *_changes(known_transforms, model)]
    baseline, *others = (
        *(one for change in changes for found in possible for one in _made(found, model, change, plan, tools)),
        *(one for found in _one_each(ruled_out, model) for one in _impossible(found, ruled_out, model, plan, tools)),
    )
    candidates = _with_own_labels((replace(baseline, is_baseline=True), *others))
    on_request = _on_request(possible, candidates)
    choice = choose(candidates, plan, on_request, transforms=wanted)
    broken = [one for one in choice.left_out if one.candidate.reason and one.candidate.candidate_id in on_request]
    return Recipes(
        candidates=choice.kept,
        left_out=tuple(one for one in choice.left_out if one not in broken),
        pruned=(
            *_pruned_variants(possible, model),
            *(PrunedCell(label=one.candidate.label, reason=one.candidate.reason) for one in broken),
            *_pruned_transforms(known_transforms, model),
        ),
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


def transform_words() -> tuple[str, ...]:
    """Return the names that the transforms of a plan may have, for completion; with = where sizes may follow."""
    known = transform_needs()
    sized = (f"{found.name}=" for found in known if found.templates)
    return (UNTRANSFORMED, EVERY_TRANSFORM, *(found.name for found in known), *sized)


def _made(found: ExporterNeeds, model: ModelInfo, change: _Change, plan: Plan, tools: _Tools) -> Iterator[Candidate]:
    identity = tools.get(found.tool, UNKNOWN).options
    for variant in found.variants:
        if variant_obstacle(variant, model) or (variant.is_on_request and change is not _UNCHANGED):
            continue
        broken = part_obstacle(found, variant, tools)
        same_tool = replace(variant, options={**variant.options, **identity})
        for runtime in found.runtimes_for(model.family):
            if variant.is_for_processors and runtime in ON_GPU:
                continue
            for threads in _threads(found, runtime, plan):
                made = _candidate(found, same_tool, change, model, runtime, threads)
                yield _failed(made, f"{found.tool} fails: {broken}") if broken else made


def _failed(candidate: Candidate, reason: str) -> Candidate:
    return replace(candidate, reason_code=ConversionError.code, reason=reason)


def _on_request(possible: Sequence[ExporterNeeds], candidates: Sequence[Candidate]) -> frozenset[str]:
    """Return the identities of those that the plan has to ask for."""
    asked = {(found.name, variant.name) for found in possible for variant in found.variants if variant.is_on_request}
    return frozenset(one.candidate_id for one in candidates if (one.exporter, one.variant) in asked)


def _threads(found: ExporterNeeds, runtime: str, plan: Plan) -> tuple[int, ...]:
    return (1,) if found.is_single_threaded or runtime in ON_GPU else plan.threads


def _one_each(ruled_out: Sequence[ExporterNeeds], model: ModelInfo) -> tuple[ExporterNeeds, ...]:
    """Return one exporter for the same runtimes: that which comes nearest to taking the model."""
    nearest: dict[tuple[str, ...], ExporterNeeds] = {}
    for found in sorted(ruled_out, key=lambda one: model.format not in one.formats):
        nearest.setdefault(found.runtimes, found)
    return tuple(found for found in ruled_out if nearest[found.runtimes] is found)


def _impossible(
    found: ExporterNeeds, ruled_out: Sequence[ExporterNeeds], model: ModelInfo, plan: Plan, tools: _Tools
) -> Iterator[Candidate]:
    for runtime in found.runtimes:
        code, reason = _why_ruled_out(found, ruled_out, model, runtime, tools)
        for threads in _threads(found, runtime, plan):
            plain = _candidate(found, Variant(), _UNCHANGED, model, runtime, threads)
            yield replace(plain, reason_code=code, reason=reason)


def _why_ruled_out(
    found: ExporterNeeds, ruled_out: Sequence[ExporterNeeds], model: ModelInfo, runtime: str, tools: _Tools
) -> tuple[str, str]:
    """Return code and reason: what the exporter takes instead, a package that is missing, or its tool."""
    obstacle = exporter_obstacle(found, model) or tool_obstacle(found, tools)
    if isinstance(obstacle, Absence):
        return obstacle.code, obstacle.text
    return ModelUnsupportedError.code, f"{runtime} takes {_taken_instead(found, ruled_out, model)}"


def _taken_instead(found: ExporterNeeds, ruled_out: Sequence[ExporterNeeds], model: ModelInfo) -> str:
    """Return what `found` takes, and what others for the same runtimes take that open the model's format."""
    alike = [one for one in ruled_out if one.runtimes == found.runtimes and model.format in one.formats]
    obstacles = [exporter_obstacle(one, model) for one in (found, *alike)]
    mismatches = [obstacle for obstacle in obstacles if isinstance(obstacle, Mismatch)]
    takes = "; or ".join(dict.fromkeys(mismatch.takes for mismatch in mismatches))
    return f"{takes}, {mismatches[0].given}"


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
            mismatch = variant_obstacle(variant, model)
            for runtime in found.runtimes_for(model.family):
                if mismatch:
                    yield PrunedCell(label=f"{runtime}, {variant.name}", reason=f"it takes {mismatch.text}")
                elif variant.is_for_processors and runtime in ON_GPU:
                    yield PrunedCell(label=f"{runtime}, {variant.name}", reason=_FOR_PROCESSORS)


def _pruned_transforms(known: Sequence[TransformNeeds], model: ModelInfo) -> Iterator[PrunedCell]:
    for found in known:
        if mismatch := transform_obstacle(found, model):
            yield PrunedCell(label=found.name, reason=f"it takes {mismatch.text}")
            continue
        for variant in found.variants:
            if mismatch := variant_obstacle(variant, model):
                yield PrunedCell(label=transform_label(found, variant), reason=f"it takes {mismatch.text}")


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
