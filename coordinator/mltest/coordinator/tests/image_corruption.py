"""What a model says of corrupted images. Only where asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs
from mltest.shared.domain import Result

if TYPE_CHECKING:
    from mltest.coordinator.builder.model_evidence import ModelEvidence

_DIMENSIONS = (0, 2, 3)


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCorruption:
    """Accuracy or R2, and labels that stay, on corrupted images by severity; the mean corruption error.

    Noise (Gaussian, shot, impulse), blur, contrast, brightness, pixels, translation; the mean error is not divided by
    that of another model. Values stay within the range of the data.

    Source: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and
    perturbations".
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "image corruption"
    is_default: ClassVar[bool] = False

    image_shape: tuple[int, ...] = ()
    """Of a row: (height, width) or (channels, height, width); without, that of X or that which the model gives it."""
    rows: int = 500
    """The first rows that are looked at."""
    seed: int = 0
    """Of noise and directions."""
    budget_s: float = 60.0
    """Corruptions that are not reached by then have no figure, with that reason; mild ones come first."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        if self.rows < 1 or not self.budget_s > 0:
            raise ValueError("rows has to be at least 1, budget_s above 0")
        if len(self.image_shape) not in _DIMENSIONS or any(size < 1 for size in self.image_shape):
            raise ValueError("image_shape has to be [height, width] or [channels, height, width]")

    def examine(self, evidence: "ModelEvidence") -> Sequence[Result]:
        """Return the figures of each corruption and severity, or why rows are no images."""
        from mltest.coordinator.builder.judging.disturbance.corruption_facts import corruption_facts

        return corruption_facts(
            evidence,
            self.name,
            image_shape=self.image_shape,
            rows=self.rows,
            seed=self.seed,
            budget_s=self.budget_s,
        ).results
