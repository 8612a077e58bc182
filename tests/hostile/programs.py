"""An exported program of PyTorch, written by hand: a small honest one, and what a crafted one has in its place."""

import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

WEIGHT, BIAS = ((1.0, 2.0, 3.0), (-1.0, 0.5, 0.0)), (0.25, -0.25)
"""Of two outputs from three features."""
_ROWS = {"as_expr": {"expr_str": "Symbol('s31', positive=True, integer=True)", "hint": {"as_int": 2}}}
_GRAPH, _SAMPLE = "models/model.json", "data/sample_inputs/model.pt"
_WEIGHTS, _CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"

Parts = dict[str, Any]
"""By name in the archive: bytes, or what is written as JSON."""


def honest_parts() -> Parts:
    """Return the parts of a program with one linear layer, as torch.export.save of PyTorch 2.13 writes them."""
    return {
        "archive_format": b"pt2",
        "archive_version": b"0",
        "byteorder": b"little",
        ".data/version": b"6\n",
        _GRAPH: _document(),
        _WEIGHTS: {"config": {"weight": _payload("weight_0", 2, 3), "bias": _payload("weight_1", 2)}},
        _CONSTANTS: {"config": {}},
        "data/weights/weight_0": struct.pack("<6f", *WEIGHT[0], *WEIGHT[1]),
        "data/weights/weight_1": struct.pack("<2f", *BIAS),
        _SAMPLE: pickle.dumps(Opened()),
    }


def write_parts(parts: Mapping[str, Any], path: Path, *, compression: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            archive.writestr(f"mine/{name}", data)
    return path


class Opened:
    """Ends the process that unpickles it: what is honest here holds a hostile sample input, which nobody opens."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exit, ("a sample input was unpickled",))


def _payload(part: str, *sizes: int) -> dict[str, Any]:
    return {"path_name": part, "is_param": True, "use_pickle": False, "tensor_meta": _meta(*sizes)}


def _meta(*sizes: int | None) -> dict[str, Any]:
    strides: list[int | None] = [1] if len(sizes) == 1 else [sizes[1], 1]
    return {
        "dtype": 7,
        "sizes": [_ROWS if size is None else {"as_int": size} for size in sizes],
        "requires_grad": False,
        "device": {"type": "cpu", "index": None},
        "strides": [{"as_int": stride} for stride in strides],
        "storage_offset": {"as_int": 0},
        "layout": 7,
    }


def _tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


def _document() -> dict[str, Any]:
    def argument(name: str, tensor: str) -> dict[str, Any]:
        return {"name": name, "arg": _tensor(tensor), "kind": 1}

    leaf: dict[str, Any] = {"type": None, "context": None, "children_spec": []}
    by_position = {"type": "builtins.tuple", "context": "null", "children_spec": [leaf]}
    by_name: dict[str, Any] = {"type": "builtins.dict", "context": "[]", "children_spec": []}
    given = {"type": "builtins.tuple", "context": "null", "children_spec": [by_position, by_name]}
    node = {
        "target": "torch.ops.aten.linear.default",
        "inputs": [argument("input", "x"), argument("weight", "p_weight"), argument("bias", "p_bias")],
        "outputs": [_tensor("linear")],
        "metadata": {"stack_trace": 'File "somewhere", line 1\nimport os'},
        "is_hop_single_tensor_return": None,
        "name": "linear",
    }
    inputs = [_tensor("p_weight"), _tensor("p_bias"), _tensor("x")]
    return {
        "graph_module": {
            "graph": {
                "inputs": inputs,
                "outputs": [_tensor("linear")],
                "nodes": [node],
                "tensor_values": {
                    "p_weight": _meta(2, 3),
                    "p_bias": _meta(2),
                    "x": _meta(None, 3),
                    "linear": _meta(None, 2),
                },
                "sym_int_values": {},
                "sym_bool_values": {},
                "is_single_tensor_return": False,
                "custom_obj_values": {},
                "sym_float_values": {},
            },
            "signature": {
                "input_specs": [
                    {"parameter": {"arg": {"name": "p_weight"}, "parameter_name": "weight"}},
                    {"parameter": {"arg": {"name": "p_bias"}, "parameter_name": "bias"}},
                    {"user_input": {"arg": _tensor("x")}},
                ],
                "output_specs": [{"user_output": {"arg": _tensor("linear")}}],
            },
            "module_call_graph": [
                {
                    "fqn": "",
                    "signature": {
                        "inputs": [],
                        "outputs": [],
                        "in_spec": json.dumps([1, given]),
                        "out_spec": json.dumps([1, leaf]),
                        "forward_arg_names": ["x"],
                    },
                }
            ],
            "metadata": {},
            "treespec_namedtuple_fields": {},
        },
        "opset_version": {"aten": 10},
        "range_constraints": {"s31": {"min_val": 0, "max_val": None}},
        "schema_version": {"major": 8, "minor": 20},
        "verifiers": ["TRAINING"],
        "torch_version": "2.13.0+cpu",
        "guards_code": ["__import__('os').abort()"],
    }


def _node(parts: Parts) -> dict[str, Any]:
    found: dict[str, Any] = parts[_GRAPH]["graph_module"]["graph"]["nodes"][0]
    return found


def _graph(parts: Parts) -> dict[str, Any]:
    found: dict[str, Any] = parts[_GRAPH]["graph_module"]["graph"]
    return found


def _signature(parts: Parts) -> dict[str, Any]:
    found: dict[str, Any] = parts[_GRAPH]["graph_module"]["signature"]
    return found


def _call(parts: Parts) -> dict[str, Any]:
    found: dict[str, Any] = parts[_GRAPH]["graph_module"]["module_call_graph"][0]["signature"]
    return found


def _set(found: Callable[[Parts], dict[str, Any]], key: str, value: Any) -> Callable[[Parts], None]:
    def edit(parts: Parts) -> None:
        found(parts)[key] = value

    return edit


def _rows(parts: Parts) -> dict[str, Any]:
    found: dict[str, Any] = _graph(parts)["tensor_values"]["x"]
    return found


def _weight(parts: Parts) -> dict[str, Any]:
    found: dict[str, Any] = parts[_WEIGHTS]["config"]["weight"]
    return found


def _shape(text: str) -> Callable[[Parts], None]:
    return _set(_rows, "sizes", [{"as_expr": {"expr_str": text}}, {"as_int": 3}])


def _tree(kind: str, context: Any) -> str:
    return json.dumps([1, {"type": kind, "context": context, "children_spec": []}])


_FACTORY = {"default_factory_module": "antigravity", "default_factory_name": "fly", "dict_context": []}
REFUSED: Mapping[str, Callable[[Parts], None]] = {
    "calls the system": _set(_node, "target", "torch.os.system"),
    "calls a function of PyTorch": _set(_node, "target", "torch.hub.load"),
    "calls what operators are made of": _set(_node, "target", "torch.ops.aten.__init__.__globals__"),
    "calls an attribute of an operator": _set(_node, "target", "torch.ops.aten.relu._qualified_op_name"),
    "reads a file": _set(_node, "target", "torch.ops.aten.from_file.default"),
    "fetches attributes": _set(_node, "target", "_operator.attrgetter"),
    "has code in a shape": _shape("__import__('os').abort()"),
    "has an attribute in a shape": _shape("Symbol('s31').__class__"),
    "calls something in a shape": _shape("eval(s31)"),
    "has code in a name": _set(_node, "name", "linear = exit()\n    linear"),
    "has code in the name of a weight": _set(
        _signature,
        "input_specs",
        [{"parameter": {"arg": {"name": "p"}, "parameter_name": "a)\nimport os#"}}],
    ),
    "has code for a name of a value": lambda parts: _graph(parts)["tensor_values"].update({"x: exit()": _meta(1)}),
    "imports a module for its arguments": _set(_call, "in_spec", _tree("collections.defaultdict", _FACTORY)),
    "imports an enumeration for its arguments": _set(
        _call, "in_spec", _tree("builtins.dict", json.dumps([{"__enum__": True, "fqn": "antigravity:X", "name": "a"}]))
    ),
    "has text where a number belongs": _set(_rows, "dtype", "exit()"),
    "has a weight that is a pickle": _set(_weight, "use_pickle", value=True),
    "has an object beside its constants": lambda parts: parts.update({"data/constants/opaque_obj_0": b"\x80\x04."}),
    "has an object of TorchScript": lambda parts: parts.update({"data/constants/custom_obj_0": b"PK"}),
    "has machine code": lambda parts: parts.update({"data/aotinductor/model/model.so": b"\x7fELF"}),
    "has the weights of earlier versions": lambda parts: parts.update({"data/weights/model.pt": b"PK"}),
}
"""What could run, by what it does; each edits honest parts."""

UNSUPPORTED: Mapping[str, tuple[Callable[[Parts], None], str]] = {
    "a fixed number of rows": (_set(_rows, "sizes", [{"as_int": 2}, {"as_int": 3}]), r"exactly 2 rows.*dynamic_shapes"),
    "a bounded number of rows": (
        lambda parts: parts[_GRAPH]["range_constraints"]["s31"].update({"max_val": 64}),
        "0 to 64 rows",
    ),
    "a free number of features": (_set(_rows, "sizes", [_ROWS, _ROWS]), "no fixed number of features"),
    "small integers": (_set(_rows, "dtype", 4), "neither float32 nor float64, nor tokens"),
    "integers": (_set(_rows, "dtype", 5), "does not give one array of scores"),
    "two inputs": (
        lambda parts: _signature(parts)["input_specs"].append({"user_input": {"arg": _tensor("x")}}),
        "takes 2 inputs",
    ),
    "two outputs": (
        lambda parts: _signature(parts)["output_specs"].append({"user_output": {"arg": _tensor("x")}}),
        "gives 2 outputs",
    ),
    "an output in a tuple": (_set(_call, "out_spec", _tree("builtins.tuple", "null")), "inside a tuple"),
    "training": (
        lambda parts: _signature(parts)["output_specs"].append({"buffer_mutation": {"arg": {"name": "x"}}}),
        r"model\.eval\(\)",
    ),
    "a custom operator": (_set(_node, "target", "torch.ops.mine.fast.default"), r"operator mine\.fast"),
    "a GPU": (lambda parts: _rows(parts)["device"].update({"type": "cuda"}), "device 'cuda'"),
    "weights on a GPU": (
        lambda parts: _weight(parts)["tensor_meta"]["device"].update({"type": "cuda"}),
        "device 'cuda'",
    ),
    "a graph inside": (
        lambda parts: _node(parts)["inputs"][0].update({"arg": {"as_graph": {"name": "g"}}}),
        "graphs of its own",
    ),
    "two programs": (lambda parts: parts.update({"models/other.json": _document()}), "several programs"),
}
"""What is not used here, with a word of the reason."""

DAMAGED: Mapping[str, Callable[[Parts], None]] = {
    "no graph": lambda parts: parts.pop(_GRAPH),
    "half a graph": lambda parts: parts.update({_GRAPH: json.dumps(_document()).encode()[:500]}),
    "a graph without nodes": lambda parts: _graph(parts).pop("nodes"),
    "a weight without numbers": lambda parts: parts.pop("data/weights/weight_0"),
    "a weight of negative size": lambda parts: _weight(parts)["tensor_meta"]["sizes"][0].update({"as_int": -1}),
    "no list of constants": lambda parts: parts.pop(_CONSTANTS),
}
