"""What can be looked into of a submitted network: its derivatives, its shape, and the program that bounds need."""

from dataclasses import dataclass

import numpy as np

from mltest.coordinator.builder.judging.measures.said import labels_of
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.networks.operators import Numbers, Shape
from mltest.coordinator.builder.networks.program import Differentiable, Program
from mltest.coordinator.builder.networks.read_graph import graph_program
from mltest.coordinator.builder.networks.read_perceptron import perceptron_program
from mltest.coordinator.builder.networks.refusal import unread
from mltest.coordinator.builder.networks.row_shape import image_shape
from mltest.shared.errors import MltestError
from mltest.shared.model_format import PT2

_OFF = 1e-3
"""Largest difference of scores from the model's own, as a share of the largest."""
_COMPARED_ROWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WhiteBox:
    """A network that was read, or why it was not."""

    network: Differentiable | None
    image_shape: Shape
    """(channels, height, width) if the model takes a row so; else ()."""
    reason: str = ""


def white_box(evidence: ModelEvidence) -> WhiteBox:
    """Return the network with derivatives that agree with the model on its data, or why there is none."""
    try:
        network: Differentiable
        network = _torch_program(evidence) if evidence.model.format == PT2 else read_program(evidence)
        _check(network, evidence)
    except MltestError as error:
        reason = str(error.facts.get("detail", error.message))
        return WhiteBox(network=None, image_shape=image_shape(evidence), reason=reason)
    return WhiteBox(network=network, image_shape=image_shape(evidence))


def read_program(evidence: ModelEvidence) -> Program:
    """Return the network as a program of its operators; of PyTorch's programs, by way of their ONNX graph.

    Raises:
        ConversionError: it has what is not known here, or what was read gives other scores than the model.

    """
    if evidence.native is not None:
        program = perceptron_program(evidence.native)
    else:
        if evidence.model.format == PT2:
            from mltest.coordinator.builder.torch_graph import torch_graph

            content = torch_graph(evidence.path)
        else:
            content = evidence.path.read_bytes()
        program = graph_program(content, evidence.model.feature_count)
    _check(program, evidence)
    return program


def _torch_program(evidence: ModelEvidence) -> Differentiable:
    from mltest.coordinator.builder.networks.torch_program import TorchProgram
    from mltest.shared.native.torch_module import open_program

    if evidence.reference.scores is None:
        raise unread("the program gives labels, and no scores")
    return TorchProgram(open_program(evidence.path), evidence.reference.are_probabilities)


def _check(network: Differentiable, evidence: ModelEvidence) -> None:
    """Refuse what gives other scores or labels than the model for the data (ConversionError)."""
    rows = evidence.rows[:_COMPARED_ROWS].astype(np.float64)
    if not np.isfinite(rows).all():
        raise unread("the data have missing values")
    found = network.scores(rows)
    if found.shape[1] != max(len(evidence.model.classes), 2):
        raise unread(f"it gives {found.shape[1]} scores for {len(evidence.model.classes)} classes")
    labels = labels_of(evidence.reference)[:_COMPARED_ROWS]
    gap = found.max(axis=1) - found[np.arange(len(found)), labels]
    if not (gap <= _OFF * max(1.0, float(np.abs(found).max()))).all():
        raise unread("what was read of it gives other labels than the model")
    given = evidence.reference.scores
    if given is not None and not _are_same(found, given[:_COMPARED_ROWS], evidence.reference.are_probabilities):
        raise unread("what was read of it gives other scores than the model")


def _are_same(found: Numbers, given: Numbers, are_probabilities: bool) -> bool:
    if are_probabilities:
        shares = np.exp(found - found.max(axis=1, keepdims=True))
        found = shares / shares.sum(axis=1, keepdims=True)
        given = given if given.shape[1] > 1 else np.hstack([1 - given, given])
    elif given.shape[1] == 1:
        # Two scores as scikit-learn's decision: opposite columns as one.
        return bool(np.array_equal(found.argmax(axis=1) == 1, given[:, 0] > 0))
    return bool(np.abs(found - given).max() <= _OFF * max(1.0, float(np.abs(given).max())))
