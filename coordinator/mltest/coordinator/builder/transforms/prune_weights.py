"""Networks whose smallest weights are 0."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.transforms.registry import transform
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import SIZE, Variant, of_sizes
from mltest.shared.model_format import ONNX

if TYPE_CHECKING:
    from mltest.shared.native.outputs import NativeModel

_NAME = "prune-weights"
_TEMPLATES = (Variant(name=SIZE, options={"keep": SIZE}, is_lossy=True),)


@transform
class PruneWeights:
    """Option: `keep`, a number or a share of the weights of all layers together; those of least magnitude become 0.

    The network takes as many multiplications as before: it is smaller only where it is compressed, and faster only in
    a runtime that leaves zeros out.
    """

    needs = TransformNeeds(
        name=_NAME,
        formats=("skops", "pickle", "onnx", "pt2"),
        families=("mlp", "network", "cnn"),
        takes="networks",
        variants=of_sizes(_TEMPLATES, ("3/4", "1/2")),
        templates=_TEMPLATES,
        packages=("numpy",),
    )

    def apply(self, source: ExportSource, options: Mapping[str, str], target: Path) -> "NativeModel | Path":
        """Return the model with as many weights that are not 0."""
        from mltest.coordinator.builder.surgery import prune_graph, prune_perceptron, prune_program

        if source.native is not None:
            pruned = prune_perceptron.prune_weights(source.native.estimator, options["keep"], converter=_NAME)
            return replace(source.native, estimator=pruned)
        prune = prune_graph.prune_weights if source.info.format == ONNX else prune_program.prune_weights
        prune(source.path, options["keep"], target, converter=_NAME)
        return target
