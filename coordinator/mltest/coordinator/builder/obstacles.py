"""Why an exporter or a transform does not take a model, from what both say of themselves. Pure."""

from collections.abc import Iterable, Mapping

from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.coordinator.builder.tool_report import UNKNOWN, ToolReport
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import ModelInfo


def exporter_obstacle(found: ExporterNeeds, model: ModelInfo) -> str:
    """Return what the exporter takes instead of `model`, or its absence; empty if one of its variants takes it here."""
    return _obstacle(found, found.formats, model) or _no_variant(found.variants, model) or found.absence


def transform_obstacle(found: TransformNeeds, model: ModelInfo) -> str:
    """Return what the transform takes instead of `model`; empty if it takes it in at least one of its variants."""
    return _obstacle(found, found.formats, model) or _no_variant(found.variants, model)


def variant_obstacle(variant: Variant, model: ModelInfo) -> str:
    """Return what the variant takes instead of `model`; empty if it takes it."""
    if variant.families and model.family not in variant.families:
        return f"models of the families {', '.join(variant.families)}, this model's family is {model.family}"
    return ""


def tool_obstacle(found: ExporterNeeds, tools: Mapping[str, ToolReport]) -> str:
    """Return why the exporter's tool cannot be used here; empty if it can, or there is none."""
    return tools.get(found.tool, UNKNOWN).failure if found.tool else ""


def part_obstacle(found: ExporterNeeds, variant: Variant, tools: Mapping[str, ToolReport]) -> str:
    """Return the error of the part of the tool that the variant needs; empty if that works."""
    return tools.get(found.tool, UNKNOWN).broken.get(variant.tool_part, "")


def _obstacle(found: ExporterNeeds | TransformNeeds, formats: Iterable[str], model: ModelInfo) -> str:
    if model.format not in formats:
        article = "an" if model.format.startswith(("onnx", "xgboost")) else "a"
        return f"{found.takes}, this is {article} {model.format} file"
    if found.families and model.family not in found.families:
        return f"{found.takes}, this model's family is {model.family}"
    if found.tasks and model.task not in found.tasks:
        return f"{' and '.join(task.value for task in found.tasks)}, this is {model.task.value}"
    return ""


def _no_variant(variants: Iterable[Variant], model: ModelInfo) -> str:
    obstacles = [variant_obstacle(variant, model) for variant in variants]
    return obstacles[0] if obstacles and all(obstacles) else ""
