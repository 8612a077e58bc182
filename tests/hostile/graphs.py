"""ONNX files that reach for other files, need what nobody has, or never end."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ENDLESS_TRIPS = 2**62


def _external(name: str, location: str) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[3, 3], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def _model(nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto], **more: object) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, 3])],
        initializers,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.elsewhere", 1), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **more)


def _branch(node: onnx.NodeProto, initializers: list[onnx.TensorProto]) -> onnx.GraphProto:
    return helper.make_graph(
        [node], "b", [], [helper.make_tensor_value_info("Z", TensorProto.FLOAT, [None, 3])], initializers
    )


def _chosen(branch: onnx.GraphProto) -> onnx.ModelProto:
    node = helper.make_node("If", ["c"], ["Y"], then_branch=branch, else_branch=branch)
    return _model([node], [numpy_helper.from_array(np.array(True), "c")])


def external_data(location: str) -> dict[str, bytes]:
    """Return one model for each place of a graph that can name another file."""
    product = helper.make_node("MatMul", ["X", "W"], ["Y"])
    inner = helper.make_node("MatMul", ["X", "W"], ["Z"])
    constant = helper.make_node("Constant", [], ["W"], value=_external("W", location))
    listed = helper.make_node("Constant", [], ["W"], value=numpy_helper.from_array(np.eye(3, dtype=np.float32)))
    attribute = listed.attribute.add(name="others", type=onnx.AttributeProto.TENSORS)
    attribute.tensors.append(_external("o", location))
    sparse = helper.make_sparse_tensor(
        _external("values", location), numpy_helper.from_array(np.arange(9, dtype=np.int64), "i"), [3, 3]
    )
    with_sparse = _model([product], [])
    with_sparse.graph.sparse_initializer.append(sparse)
    function = helper.make_function(
        "own", "Times", ["A"], ["B"], [constant, helper.make_node("MatMul", ["A", "W"], ["B"])],
        [helper.make_opsetid("", 18)],
    )  # fmt: skip
    calls = _model([helper.make_node("Times", ["X"], ["Y"], domain="own")], [], functions=[function])
    models = {
        "initializer": _model([product], [_external("W", location)]),
        "sparse initializer": with_sparse,
        "constant": _model([constant, product], []),
        "list of tensors": _model([listed, product], []),
        "branch": _chosen(_branch(inner, [_external("W", location)])),
        "function": calls,
    }
    return {place: model.SerializeToString() for place, model in models.items()}


def custom_operator() -> bytes:
    """Return a model whose branch needs an operator that nobody has."""
    return bytes(
        _chosen(_branch(helper.make_node("Conjure", ["X"], ["Z"], domain="com.elsewhere"), [])).SerializeToString()
    )


def endless_loop() -> bytes:
    """Return a model that loops 2^62 times."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition"], ["goes_on"]),
            helper.make_node("Add", ["before", "before"], ["after"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("condition", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, None),
        ],
    )
    trips = numpy_helper.from_array(np.array(ENDLESS_TRIPS, dtype=np.int64), "trips")
    begins = numpy_helper.from_array(np.array(True), "begins")
    loop = helper.make_node("Loop", ["trips", "begins", "X"], ["Y"], body=body)
    return bytes(_model([loop], [trips, begins]).SerializeToString())


def constant_bomb(element_count: int) -> bytes:
    """Return a few bytes that become `element_count` numbers."""
    shape = numpy_helper.from_array(np.array([element_count], dtype=np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["many"]),
        helper.make_node("ReduceMax", ["many"], ["most"], keepdims=0),
        helper.make_node("Add", ["X", "most"], ["Y"]),
    ]
    return bytes(_model(nodes, [shape]).SerializeToString())
