"""What the scores of a network with one output say, for the output that a job asks for."""

from typing import TYPE_CHECKING

from mltest.shared.domain import Output, Task, VisitCandidate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.shared.native.predictions import Predictions


def network_answer(output: object, row_count: int, candidate: VisitCandidate) -> "NDArray[np.generic]":
    """Return scores of `row_count` rows as `OpenModel.answer` does, in memory of their own."""
    import numpy as np

    from mltest.shared.native.onnx_session import as_decision

    scores = np.array(output, dtype=np.float64).reshape(row_count, -1)
    if candidate.output is Output.LABELS:
        named: NDArray[np.generic] = np.array(candidate.classes)[scores.argmax(axis=1)]
        return named
    return as_decision(scores, scores.argmax(axis=1)) if candidate.output is Output.SCORES else scores


def network_predictions(output: object, row_count: int, candidate: VisitCandidate) -> "Predictions":
    """Return what the same scores predict."""
    import numpy as np

    from mltest.shared.native.onnx_session import as_decision, sum_to_one
    from mltest.shared.native.predictions import Predictions

    scores = np.array(output, dtype=np.float64).reshape(row_count, -1)
    if candidate.task is Task.REGRESSION:
        return Predictions(scores=scores)
    labels = scores.argmax(axis=1).astype(np.int64)
    return Predictions(labels=labels, scores=as_decision(scores, labels), are_probabilities=sum_to_one(scores))


def module_predictions(output: object, row_count: int, candidate: VisitCandidate) -> "Predictions":
    """Return what a module of PyTorch predicts: scores as above, or integers (rows,): positions of classes."""
    import numpy as np

    from mltest.shared.native.predictions import Predictions

    found = np.asarray(output)
    if found.dtype.kind == "f":
        return network_predictions(found, row_count, candidate)
    return Predictions(labels=found.reshape(row_count).astype(np.int64))
