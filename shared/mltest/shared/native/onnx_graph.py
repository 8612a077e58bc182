"""Looks into an ONNX file without running it: whether it is safe and usable, and what it answers.

Needs the package onnx, so it belongs to the builder; workers open what has passed here with `onnx_session`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError

_BUILT_IN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operators that ONNX Runtime has by itself."""
_DTYPES = {1: "float32", 11: "float64", 7: "int64"}
"""TensorProto.DataType; int64 are the tokens of a language model."""
_TOKENS = 7
LANGUAGE_MODEL = "language model"
"""Family of graphs from tokens (sequences, length) to scores of the next one (sequences, length, vocabulary)."""
_EXTERNAL = 1
"""TensorProto.DataLocation."""
_SAME_VALUES = ("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze")
"""Operators that change type or shape only."""
_CLASS_ATTRIBUTES = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFacts:
    """What an ONNX file says of itself."""

    kind: str
    """Producer of the graph."""
    family: str
    feature_count: int
    """0 if the graph leaves it open."""
    classes: tuple[str, ...]
    """As text; empty if the graph does not name them."""
    is_clustering: bool = False
    """Whether its labels are the nearest of something: those of a classifier are the largest."""


def inspect_graph(path: Path) -> GraphFacts:
    """Check the file at `path` and return what it says of itself.

    Raises:
        ModelInvalidError: it is not a whole ONNX file, or keeps a part of its weights in another file.
        ModelUnsupportedError: it needs operators from elsewhere, or does not take one array (rows, features).

    """
    import onnx

    try:
        model = onnx.load_model(str(path), load_external_data=False)
        _refuse_external_data(model)
        _refuse_foreign_operators(model)
    except (ModelInvalidError, ModelUnsupportedError, MemoryError):
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0]
        raise ModelInvalidError(detail=f"it is not a whole ONNX file ({type(error).__name__}: {line})") from error
    nodes = list(_nodes(model))
    if not nodes:
        raise ModelInvalidError(detail="it is not an ONNX file, or holds no graph")
    feature_count = _feature_count(model.graph)
    is_clustering = _gives_nearest(model.graph)
    return GraphFacts(
        kind=model.producer_name or "ONNX graph",
        family=LANGUAGE_MODEL if _takes_tokens(model.graph) else "clusters" if is_clustering else _family(nodes),
        feature_count=feature_count,
        classes=_classes(model, nodes),
        is_clustering=is_clustering,
    )


def _refuse_external_data(model: Any) -> None:
    for tensor in _tensors(model):
        if tensor.data_location == _EXTERNAL or tensor.external_data:
            raise ModelInvalidError(detail=f"{tensor.name or 'a weight'} is kept in another file; save it as one file")


def _refuse_foreign_operators(model: Any) -> None:
    own_functions = {(function.domain, function.name) for function in model.functions}
    for node in _nodes(model):
        if node.domain not in _BUILT_IN_DOMAINS and (node.domain, node.op_type) not in own_functions:
            raise ModelUnsupportedError(detail=f"it needs the custom operator {node.domain}.{node.op_type}")


def _graphs(model: Any) -> Iterator[Any]:
    """Yield the graph, the functions and every graph inside one of their nodes."""
    waiting = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for attribute in (attribute for node in graph.node for attribute in node.attribute):
            waiting.extend([attribute.g] if attribute.HasField("g") else [])
            waiting.extend(attribute.graphs)


def _nodes(model: Any) -> Iterator[Any]:
    return (node for graph in _graphs(model) for node in graph.node)


def _tensors(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
    for attribute in (attribute for node in _nodes(model) for attribute in node.attribute):
        yield from [attribute.t] if attribute.HasField("t") else []
        yield from attribute.tensors
        for sparse in [
            *attribute.sparse_tensors,
            *([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []),
        ]:
            yield from (sparse.values, sparse.indices)


def _feature_count(graph: Any) -> int:
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [item for item in graph.input if item.name not in constants]
    if len(inputs) != 1:
        raise ModelUnsupportedError(
            detail=f"it takes {len(inputs)} inputs ({', '.join(i.name for i in inputs)}), not one"
        )
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type not in _DTYPES:
        raise ModelUnsupportedError(
            detail=f"its input {inputs[0].name} is neither float32 nor float64, nor tokens (int64)"
        )
    dimensions = tensor.shape.dim
    if tensor.HasField("shape") and len(dimensions) != 2:
        raise ModelUnsupportedError(detail=f"its input has {len(dimensions)} dimensions, not 2 (rows, features)")
    if dimensions and dimensions[0].dim_value:
        raise ModelUnsupportedError(
            detail=f"it takes exactly {dimensions[0].dim_value} rows at a time; export it with a free first dimension"
        )
    return int(dimensions[1].dim_value) if dimensions else 0


def _gives_nearest(graph: Any) -> bool:
    """Return whether an output is the position of a smallest value, as skl2onnx writes k-means."""
    makers = {name: node for node in graph.node for name in node.output}
    for output in graph.output:
        node = makers.get(output.name)
        while node is not None and node.op_type in _SAME_VALUES:
            node = makers.get(node.input[0])
        if node is not None and node.op_type == "ArgMin":
            return True
    return False


def _takes_tokens(graph: Any) -> bool:
    """Return whether it is a language model.

    Raises:
        ModelUnsupportedError: it takes integers and gives something else than scores for every place.

    """
    constants = {tensor.name for tensor in graph.initializer}
    (given,) = (item for item in graph.input if item.name not in constants)
    if given.type.tensor_type.elem_type != _TOKENS:
        return False
    (tensor, *others) = (item.type.tensor_type for item in graph.output)
    if others or tensor.elem_type not in (1, 11) or (tensor.HasField("shape") and len(tensor.shape.dim) != 3):
        detail = "it takes int64, and does not give one array of scores (sequences, length, vocabulary)"
        raise ModelUnsupportedError(detail=detail)
    return True


def _classes(model: Any, nodes: list[Any]) -> tuple[str, ...]:
    for attribute in (attribute for node in reversed(nodes) for attribute in node.attribute):
        if attribute.name in _CLASS_ATTRIBUTES and (attribute.ints or attribute.strings):
            return tuple(str(value) for value in attribute.ints) or tuple(text.decode() for text in attribute.strings)
    return _looked_up_classes(model, nodes)


def _looked_up_classes(model: Any, nodes: list[Any]) -> tuple[str, ...]:
    """Return the constant from which skl2onnx takes the label by its position, where there is one."""
    import onnx.numpy_helper

    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in reversed(nodes):
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
            values = onnx.numpy_helper.to_array(constants[node.input[0]]).ravel().tolist()
            if len(set(values)) < len(values):
                continue
            return tuple(value.decode() if isinstance(value, bytes) else str(value) for value in values)
    return ()


def _family(nodes: list[Any]) -> str:
    counts = Counter(node.op_type for node in nodes)
    if any(name.startswith("TreeEnsemble") for name in counts):
        return _tree_family(nodes)
    if any(name.startswith("SVM") for name in counts):
        return "svm"
    if counts["LinearClassifier"] or counts["LinearRegressor"]:
        return "linear"
    layers = counts["Gemm"] + counts["MatMul"] + counts["Conv"]
    return "network" if layers > 1 else "linear" if layers == 1 else "other"


def _tree_family(nodes: list[Any]) -> str:
    ensemble = next(node for node in nodes if node.op_type.startswith("TreeEnsemble"))
    attributes = {attribute.name: attribute for attribute in ensemble.attribute}
    trees = set(attributes["nodes_treeids"].ints) if "nodes_treeids" in attributes else set()
    is_alone = len(trees) == 1 and sum(node.op_type.startswith("TreeEnsemble") for node in nodes) == 1
    transform = attributes["post_transform"].s.decode() if "post_transform" in attributes else "NONE"
    if transform not in ("NONE", "") or "base_values" in attributes:
        return "boosting"
    return "tree" if is_alone else "forest"
