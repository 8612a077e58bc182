"""An exported program of PyTorch that is changed by its parts: a graph in JSON, and weights as plain numbers.

Neither PyTorch nor a second exporter is needed for it, and the same change gives the same bytes.
"""

import json
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.shared.native.pt2_archive import CONFIGS, GRAPH, read_program

_DTYPES = {7: "<f4", 8: "<f8"}
"""ScalarType, in the order of bytes that PyTorch writes."""
_FOLDER = "program"
_HEAD = {"archive_format": b"pt2", "archive_version": b"0", "byteorder": b"little"}
_ATEN = "torch.ops.aten."

Node = dict[str, Any]


class ProgramGraph:
    """The nodes of a program, and its parameters by the names that they have in its graph."""

    def __init__(self, path: Path) -> None:
        self._members = dict(read_program(path).members)
        self._document = json.loads(self._members[GRAPH])
        self._config = json.loads(self._members[CONFIGS[0]])
        module = self._document["graph_module"]
        self.nodes: list[Node] = module["graph"]["nodes"]
        self._values = module["graph"]["tensor_values"]
        self._names = _parameter_names(module["signature"]["input_specs"])
        self._paths = Counter(entry["path_name"] for entry in self._config["config"].values())
        self._uses = Counter(name for node in self.nodes for name in all_tensors(node))
        self._outputs = set(_tensors(module["graph"]["outputs"]))

    def is_own(self, name: str) -> bool:
        """Return whether `name` is a parameter of real numbers that one node takes, and that shares no numbers."""
        entry = self._config["config"].get(self._names.get(name, ""))
        is_single = entry is not None and self._paths[entry["path_name"]] == 1 and self._uses[name] == 1
        return is_single and entry["tensor_meta"]["dtype"] in _DTYPES

    def is_matrix(self, name: str) -> bool:
        """Return whether `name` is such a parameter, of two dimensions or more."""
        return self.is_own(name) and len(self._entry(name)["tensor_meta"]["sizes"]) > 1

    def array(self, name: str) -> NDArray[np.floating]:
        """Return the numbers of a parameter."""
        entry = self._entry(name)
        meta = entry["tensor_meta"]
        sizes, strides = ([size["as_int"] for size in meta[key]] for key in ("sizes", "strides"))
        dtype = np.dtype(_DTYPES[meta["dtype"]])
        bytes_of = [stride * dtype.itemsize for stride in strides]
        offset = meta["storage_offset"]["as_int"] * dtype.itemsize
        # The constructor checks that all of it lies in the part.
        return np.ndarray(sizes, dtype, self._members[self._part(entry)], offset, bytes_of).copy()

    def put(self, name: str, values: NDArray[np.floating]) -> None:
        """Set the numbers of a parameter, and its shape."""
        entry = self._entry(name)
        self._members[self._part(entry)] = np.ascontiguousarray(values).tobytes()
        for meta in (entry["tensor_meta"], self._values[name]):
            meta["sizes"] = [{"as_int": size} for size in values.shape]
            meta["storage_offset"] = {"as_int": 0}
            _make_contiguous(meta)

    def narrow(self, name: str, width: int) -> None:
        """Say that the tensor `name`, which a node gives, has `width` numbers in its last dimension."""
        self._values[name]["sizes"][-1] = {"as_int": width}
        _make_contiguous(self._values[name])

    def only_reader(self, name: str) -> Node | None:
        """Return the node that takes the tensor `name`, if one does and nothing else."""
        if name in self._outputs or self._uses[name] != 1:
            return None
        return next(node for node in self.nodes if name in all_tensors(node))

    def write(self, target: Path) -> None:
        """Write the archive."""
        members = {
            **_HEAD,
            **self._members,
            GRAPH: json.dumps(self._document).encode(),
            CONFIGS[0]: json.dumps(self._config).encode(),
        }
        with zipfile.ZipFile(target, "w") as archive:
            for name in sorted(members):
                # Without a date, ZipInfo has that of 1980.
                archive.writestr(zipfile.ZipInfo(f"{_FOLDER}/{name}"), members[name])

    def _entry(self, name: str) -> dict[str, Any]:
        entry: dict[str, Any] = self._config["config"][self._names[name]]
        return entry

    def _part(self, entry: Mapping[str, Any]) -> str:
        return f"{CONFIGS[0].rpartition('/')[0]}/{entry['path_name']}"


def operator(node: Node) -> str:
    """Return the operator of a node without its overload: "linear"."""
    return str(node["target"]).removeprefix(_ATEN).partition(".")[0]


def all_tensors(node: Node) -> tuple[str, ...]:
    """Return the names of the tensors that a node takes, in order, also of those in lists."""
    return _tensors([given["arg"] for given in node["inputs"]])


def given_tensor(node: Node) -> str:
    """Return the name of the one tensor that a node gives; empty if it gives several, or something else."""
    given = _tensors(node["outputs"])
    return given[0] if len(given) == 1 else ""


def _tensors(arguments: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(found["name"] for argument in arguments for found in _listed(argument))


def _listed(argument: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the tensors in an argument: itself, those of a list, or those of a list with gaps."""
    if "as_tensor" in argument:
        yield argument["as_tensor"]
    yield from argument.get("as_tensors") or ()
    optional = argument.get("as_optional_tensors") or ()
    yield from (inner["as_tensor"] for inner in optional if "as_tensor" in inner)


def _parameter_names(specs: list[dict[str, Any]]) -> dict[str, str]:
    parameters = (spec["parameter"] for spec in specs if "parameter" in spec)
    return {found["arg"]["name"]: found["parameter_name"] for found in parameters}


def _make_contiguous(meta: dict[str, Any]) -> None:
    """Set strides as those of an array in the order of C, up to a dimension whose size is free."""
    sizes = meta["sizes"]
    meta["strides"] = list(meta["strides"])[: len(sizes)]
    for axis in range(len(sizes)):
        behind = sizes[axis + 1 :]
        if all("as_int" in size for size in behind):
            meta["strides"][axis] = {"as_int": math.prod(size["as_int"] for size in behind)}
