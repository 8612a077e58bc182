"""One way to use an exporter or a transform: its options, and what a candidate made so is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

SIZE = "{size}"
"""Stands for a size in the name and the options of a template."""

SELECTED_ON = "selected_on"
"""Option of an artifact that was made by looking at validation rows: how many, and how they were drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to use an exporter or a transform: those of one exporter differ in options, of one transform in names."""

    name: str = ""
    """Suffix of the label: "if-else", "int8", "32"; empty for the plain way."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the exporter or transform is asked for; part of a candidate's identity and of its recipe's key."""
    is_lossy: bool = False
    """Whether other predictions than those of the model are meant: the plan's limits for lossy recipes gate it."""
    families: tuple[str, ...] = ()
    """Families of models that it takes; empty means: all that the exporter or transform takes."""
    uses_rows: bool = False
    """Whether it reads the dataset (calibration, hot paths): the artifact then depends on the data as well."""
    varies_with_batch: bool = False
    """Whether an answer depends on the other rows of its call (dynamic quantisation): calls with other batch sizes are
    then held to the limits for lossy recipes instead of the bits of arithmetic."""
    is_for_processors: bool = False
    """Whether GPUs are left out: it is written for what processors have."""
    is_on_request: bool = False
    """Whether it is made only where the plan names candidates (`only`) or wants all transforms, and then of the model
    as submitted."""
    tool_part: str = ""
    """Part of the exporter's tool that it needs; where that is broken, this cannot be made."""

    def of_size(self, size: str) -> "Variant":
        """Return the variant that this one, a template, is for `size`: "8", "1/4"."""
        options = {name: text.replace(SIZE, size) for name, text in self.options.items()}
        return replace(self, name=self.name.replace(SIZE, size), options=options)


def of_sizes(templates: Sequence[Variant], sizes: Sequence[str]) -> tuple[Variant, ...]:
    """Return each of `templates` in each of `sizes`."""
    return tuple(template.of_size(size) for template in templates for size in sizes)
