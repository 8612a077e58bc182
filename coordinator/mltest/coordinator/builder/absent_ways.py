"""Ways to run a network that people ask for and that there are not here, with the reason. Pure.

Why, at length: docs/decisions/0039-programs-of-pytorch.md and 0047-networks-pruned-and-compiled.md.
"""

from collections.abc import Iterator, Mapping

from mltest.shared.domain import ModelInfo, PrunedCell
from mltest.shared.model_format import ONNX, PICKLE, PT2, SKOPS

_NO_DEVICE = "what opens a model sees no device of a GPU, and no machine with one was there to try it on"
_ABSENT: Mapping[str, tuple[tuple[str, ...], str]] = {
    "onnxruntime, CUDA": ((PT2, ONNX, SKOPS, PICKLE), _NO_DEVICE),
    "onnxruntime, TensorRT": ((PT2, ONNX, SKOPS, PICKLE), _NO_DEVICE),
}
"""By label: the formats of models that somebody could want it for, and the reason."""
_NETWORKS = ("network", "mlp", "cnn")


def absent_ways(model: ModelInfo) -> Iterator[PrunedCell]:
    """Yield what there is not for `model`."""
    for label, (formats, reason) in _ABSENT.items():
        if model.format in formats and model.family in _NETWORKS:
            yield PrunedCell(label=label, reason=reason)
