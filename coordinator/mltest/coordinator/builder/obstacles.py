"""Why an exporter or a transform does not take a model, from what both say of themselves. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.coordinator.builder.tool_report import UNKNOWN, ToolReport
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import ModelInfo
from mltest.shared.errors import ConversionError, ToolMissingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """The model is of another kind than what is taken."""

    takes: str
    """What is taken: "tree ensembles of scikit-learn"."""
    given: str
    """What the model is instead: "this is an onnx file"."""

    @property
    def text(self) -> str:
        """Return both."""
        return f"{self.takes}, {self.given}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """What does the work is missing here, whatever the model is."""

    code: str
    """Of the error that it is."""
    text: str
    """What is missing, and what mends it."""


Obstacle = Mismatch | Absence
"""Why an exporter cannot be used."""


def exporter_obstacle(found: ExporterNeeds, model: ModelInfo) -> Obstacle | None:
    """Return what the exporter takes instead of `model`, or its absence; None if one of its variants takes it here."""
    mismatch = _mismatch(found, found.formats, model) or _no_variant(found.variants, model)
    if mismatch or not found.absence:
        return mismatch
    return Absence(code=ConversionError.code, text=found.absence)


def transform_obstacle(found: TransformNeeds, model: ModelInfo) -> Mismatch | None:
    """Return what the transform takes instead of `model`; None if it takes it in at least one of its variants."""
    return _mismatch(found, found.formats, model) or _no_variant(found.variants, model)


def variant_obstacle(variant: Variant, model: ModelInfo) -> Mismatch | None:
    """Return what the variant takes instead of `model`; None if it takes it."""
    if variant.families and model.family not in variant.families:
        return _other_family(f"models of the families {', '.join(variant.families)}", model)
    return None


def tool_obstacle(found: ExporterNeeds, tools: Mapping[str, ToolReport]) -> Absence | None:
    """Return why the exporter's tool cannot be used here; None if it can, or there is none."""
    failure = tools.get(found.tool, UNKNOWN).failure if found.tool else ""
    return Absence(code=ToolMissingError.code, text=failure) if failure else None


def part_obstacle(found: ExporterNeeds, variant: Variant, tools: Mapping[str, ToolReport]) -> str:
    """Return the error of the part of the tool that the variant needs; empty if that works."""
    return tools.get(found.tool, UNKNOWN).broken.get(variant.tool_part, "")


def _mismatch(found: ExporterNeeds | TransformNeeds, formats: Iterable[str], model: ModelInfo) -> Mismatch | None:
    if model.format not in formats:
        article = "an" if model.format.startswith(("onnx", "xgboost")) else "a"
        return Mismatch(takes=found.takes, given=f"this is {article} {model.format} file")
    if found.families and model.family not in found.families:
        return _other_family(found.takes, model)
    if found.tasks and model.task not in found.tasks:
        takes = " and ".join(task.value for task in found.tasks)
        return Mismatch(takes=takes, given=f"this is {model.task.value}")
    return None


def _other_family(takes: str, model: ModelInfo) -> Mismatch:
    return Mismatch(takes=takes, given=f"this model's family is {model.family}")


def _no_variant(variants: Iterable[Variant], model: ModelInfo) -> Mismatch | None:
    obstacles = [variant_obstacle(variant, model) for variant in variants]
    return obstacles[0] if obstacles and all(obstacles) else None
