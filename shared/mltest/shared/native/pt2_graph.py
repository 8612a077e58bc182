"""What the graph of an exported program says, checked before PyTorch sees it; nothing of it is run here.

PyTorch evaluates the expressions of its shapes, calls whatever its nodes name and compiles its names into Python
(decision 39). So every text in it has to be a name, an operator of ATen, a shape or a plain word, and what is only for
people or for debugging is left out.

Source: torch/_export/serde/schema.py of PyTorch 2.13.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mltest.shared.errors import ModelInvalidError, ModelRefusedError, ModelUnsupportedError
from mltest.shared.native.onnx_graph import LANGUAGE_MODEL

NO_FLAG = "export the network itself again, no flag opens this file"
"""What mends a program that is refused."""
_NAME = re.compile(r"(?:\w+(?:\.\w+)*)?", re.ASCII)
_WORD = re.compile(r"[\w.+-]{0,64}", re.ASCII)
_ATEN = re.compile(r"torch\.ops\.aten\.((?:__(?:and|or|xor)__)|_?[A-Za-z]\w*)\.[A-Za-z]\w*", re.ASCII)
_LIBRARY = re.compile(r"torch\.ops\.(\w+)\.(\w+)(?:\.\w+)?", re.ASCII)
_ON_FILES = ("from_file", "save")
"""Operators of ATen that read and write files."""
_ON_SHAPES = frozenset(
    (
        *(f"_operator.{name}" for name in ("add", "sub", "mul", "floordiv", "truediv", "mod", "pow", "neg", "pos")),
        *(f"_operator.{name}" for name in ("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_")),
        *(f"torch.sym_{name}" for name in ("int", "float", "max", "min", "not", "ite", "sqrt")),
        "math.trunc",
    )
)
_SYMBOL = re.compile(r"Symbol\('([a-z]+\d+)'(?:, [a-z_]+=(?:True|False))*\)|([a-z]+\d+)", re.ASCII)
_SHAPE = re.compile(
    r"(?:'[a-z]+\d++'|[a-z_]++=(?:True|False)|[a-z]+\d++|\d++(?:\.\d++)?|[A-Za-z]++(?=\()|[-+*/%(),<>=! ])++", re.ASCII
)
"""Symbols as 's77', their assumptions, numbers, calls of functions, arithmetic: no dot behind a name, no bracket."""
_SHAPE_FUNCTIONS = frozenset(
    (
        *("Symbol", "Integer", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Abs", "floor", "ceiling"),
        *("Eq", "Ne", "Le", "Ge", "Lt", "Gt", "Equality", "Unequality", "And", "Or", "Not"),
        *("LessThan", "GreaterThan", "StrictLessThan", "StrictGreaterThan"),
        *("FloorDiv", "ModularIndexing", "Where", "PythonMod", "Mod", "CleanDiv", "CeilToInt", "FloorToInt", "CeilDiv"),
        *("PowByNatural", "FloatTrueDiv", "IntTrueDiv", "TruncToInt", "RoundToInt", "ToFloat", "Identity"),
    )
)
_MAX_SHAPE_CHARS = 500
_TREES = (None, "builtins.tuple", "builtins.list", "builtins.dict")
_LEFT_OUT: Mapping[str, Any] = {"metadata": {}, "guards_code": [], "treespec_namedtuple_fields": {}}
"""Traces of the stack, conditions in Python, named tuples: what is put in their place."""
_NAMED = ("name", "as_name", "fqn", "parameter_name", "buffer_name", "tensor_constant_name", "forward_arg_names")
_WORDS = ("as_string", "as_strings", "torch_version", "verifiers")
_TOKENS = "int64"
_DTYPES = {5: _TOKENS, 7: "float32", 8: "float64"}
"""ScalarType; int64 are the tokens of a language model."""
_LAYERS = re.compile(r"linear|addmm|mm|matmul|bmm|conv\w*|_convolution")

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFacts:
    """What an exported program says of itself."""

    kind: str
    """PyTorch with the version that exported it."""
    family: str
    row_shape: tuple[int, ...]
    """Of one row, as the program takes it: (features,) or (channels, height, width)."""
    input_dtype: str
    """float32 or float64; int64 of a language model, whose rows are sequences of tokens."""

    @property
    def feature_count(self) -> int:
        """How many numbers a row has."""
        count = 1
        for size in self.row_shape:
            count *= size
        return count


def checked_graph(content: bytes) -> Document:
    """Return the program in `content`, JSON, without what is only for people.

    Raises:
        ModelInvalidError: it is damaged.
        ModelRefusedError: it holds what could be run as code.
        ModelUnsupportedError: it needs operators from elsewhere, or another device.

    """
    try:
        document = _checked(json.loads(content), "")
    except (ValueError, RecursionError, TypeError, AttributeError) as error:
        raise ModelInvalidError(detail=f"the graph of the PyTorch program is damaged ({error})") from error
    if not isinstance(document, dict):
        raise ModelInvalidError(detail="the graph of the PyTorch program is damaged (it is no object)")
    return document


def facts_of_program(document: Document) -> ProgramFacts:
    """Return what a checked document says of its program.

    Raises:
        ModelUnsupportedError: it does not turn one array with a free number of rows into another one.

    """
    try:
        graph, signature = document["graph_module"]["graph"], document["graph_module"]["signature"]
        meta = graph["tensor_values"][_only_input(signature["input_specs"])]
        _check_outputs(signature["output_specs"])
        _check_call(document["graph_module"]["module_call_graph"])
        rows, *others = meta["sizes"]
        _check_rows(rows, document["range_constraints"])
        if any("as_int" not in size for size in others) or not others:
            raise ModelUnsupportedError(
                detail="its input has no fixed number of features; leave only the first one free"
            )
        if meta["dtype"] not in _DTYPES:
            raise ModelUnsupportedError(detail="its input is neither float32 nor float64, nor tokens (int64)")
        if _DTYPES[meta["dtype"]] == _TOKENS:
            _check_scores(graph["tensor_values"][_only_output(signature["output_specs"])], others)
        return ProgramFacts(
            kind=f"PyTorch {str(document['torch_version']).partition('+')[0]} program",
            family=LANGUAGE_MODEL if _DTYPES[meta["dtype"]] == _TOKENS else _family(graph["nodes"]),
            row_shape=tuple(int(size["as_int"]) for size in others),
            input_dtype=_DTYPES[meta["dtype"]],
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelInvalidError(
            detail=f"the graph of the PyTorch program is not complete ({type(error).__name__}: {error})"
        ) from error


def _only_input(specs: Sequence[Document]) -> str:
    given = [spec for spec in specs if "user_input" in spec or "constant_input" in spec]
    if len(given) != 1 or "as_tensor" not in given[0].get("user_input", {}).get("arg", {}):
        raise ModelUnsupportedError(detail=f"it takes {len(given)} inputs, not one array")
    name: str = given[0]["user_input"]["arg"]["as_tensor"]["name"]
    return name


def _check_outputs(specs: Sequence[Document]) -> None:
    if any("buffer_mutation" in spec or "parameter_mutation" in spec for spec in specs):
        detail = "it changes its own weights when it is called; export it after model.eval()"
        raise ModelUnsupportedError(detail=detail)
    if len(specs) != 1 or "as_tensor" not in specs[0].get("user_output", {}).get("arg", {}):
        raise ModelUnsupportedError(detail=f"it gives {len(specs)} outputs, not one array")


def _only_output(specs: Sequence[Document]) -> str:
    name: str = specs[0]["user_output"]["arg"]["as_tensor"]["name"]
    return name


def _check_scores(meta: Document, length: Sequence[Document]) -> None:
    """Refuse a program that takes integers and does not give real scores of a vocabulary for each of them."""
    sizes = meta["sizes"]
    if len(length) != 1 or _DTYPES.get(meta["dtype"], _TOKENS) == _TOKENS or len(sizes) != 3 or sizes[1] != length[0]:
        detail = "it takes int64, and does not give one array of scores (sequences, length, vocabulary)"
        raise ModelUnsupportedError(detail=detail)


def _check_call(calls: Sequence[Document]) -> None:
    """Refuse a program that is not called as f(array) and answers with an array."""
    signature = next(call["signature"] for call in calls if call["fqn"] == "")
    given, answered = (json.loads(signature[key])[1] for key in ("in_spec", "out_spec"))
    by_position, by_name = given["children_spec"]
    if by_name["children_spec"] or [child["type"] for child in by_position["children_spec"]] != [None]:
        raise ModelUnsupportedError(detail="it does not take its input as one argument, by position")
    if answered["type"] is not None:
        raise ModelUnsupportedError(
            detail="it gives its output inside a tuple, list or dictionary; export what is in it"
        )


def _check_rows(size: Document, ranges: Document) -> None:
    remedy = "export it with a free first dimension: dynamic_shapes={'NAME OF THE INPUT': {0: Dim.DYNAMIC}}"
    if "as_int" in size:
        raise ModelUnsupportedError(detail=f"it takes exactly {size['as_int']} rows at a time; {remedy}")
    symbol = _SYMBOL.fullmatch(size["as_expr"]["expr_str"])
    limits = ranges.get(symbol[1] or symbol[2]) if symbol else None
    if limits is None:
        raise ModelUnsupportedError(detail=f"its number of rows is tied to other numbers; {remedy}")
    least, most = limits.get("min_val") or 0, limits.get("max_val")
    # PyTorch says 2 where it means any: it looks at 0 and 1 apart.
    if least > 2 or most is not None:
        text = "any number" if most is None else str(most)
        raise ModelUnsupportedError(detail=f"it takes {least} to {text} rows at a time; {remedy}")


def _family(nodes: Sequence[Document]) -> str:
    counts = Counter(str(node["target"]).removeprefix("torch.ops.aten.").partition(".")[0] for node in nodes)
    layers = sum(count for name, count in counts.items() if _LAYERS.fullmatch(name))
    return "network" if layers > 1 else "linear" if layers == 1 else "other"


def _checked(value: Any, key: str) -> Any:
    """Return `value`, which is that of `key`, if every text in it is one of those that are known."""
    if key in _LEFT_OUT:
        return _LEFT_OUT[key]
    if key in ("as_graph", "as_custom_obj", "custom_obj", "custom_obj_values") and value:
        raise ModelUnsupportedError(detail=f"the PyTorch program holds objects or graphs of its own ({key})")
    if isinstance(value, dict):
        for name in value:
            _require(_NAME.fullmatch(name) is not None, f"{name[:50]!r} is no name")
        return {name: _checked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_checked(inner, key) for inner in value]
    if isinstance(value, str):
        _check_text(value, key)
    return value


def _check_text(text: str, key: str) -> None:
    if key in ("target", "as_operator"):
        _check_operator(text)
    elif key == "type":
        if text != "cpu":
            raise ModelUnsupportedError(detail=f"it is a program for the device {text[:20]!r}; export it on the CPU")
    elif key in _CHECKS:
        _require(_CHECKS[key](text), f"{text[:50]!r} is not what belongs to {key}")
    else:
        _require(is_true=False, what=f"there is a text where none belongs ({key})")


def _check_operator(text: str) -> None:
    found = _ATEN.fullmatch(text)
    if (found and found[1] not in _ON_FILES) or text in _ON_SHAPES:
        return
    if (library := _LIBRARY.fullmatch(text)) and library[1] != "aten":
        raise ModelUnsupportedError(detail=f"it needs the operator {library[1]}.{library[2]}, which is not one of ATen")
    detail = f"its graph calls {text[:80]!r}, which could be anything; {NO_FLAG}"
    raise ModelRefusedError(detail=detail, next_step=NO_FLAG)


def _is_shape(text: str) -> bool:
    functions = re.findall(r"[A-Za-z]+(?=\()", text)
    return len(text) <= _MAX_SHAPE_CHARS and bool(_SHAPE.fullmatch(text)) and _SHAPE_FUNCTIONS.issuperset(functions)


def _is_tree(text: str) -> bool:
    """Return whether `text`, JSON in JSON, describes tuples, lists and dictionaries only."""
    if not text:
        return True
    version, tree = json.loads(text)
    return version == 1 and _is_plain_tree(tree)


def _is_plain_tree(tree: Mapping[str, Any]) -> bool:
    if tree["type"] not in _TREES:
        return False
    context = json.loads(tree["context"]) if tree["context"] is not None else None
    has_names = isinstance(context, list) and all(isinstance(name, str) and _NAME.fullmatch(name) for name in context)
    return (context is None or has_names) and all(_is_plain_tree(child) for child in tree["children_spec"])


def _require(is_true: bool, what: str) -> None:
    if not is_true:
        detail = f"the graph of the PyTorch program is none that torch.export writes: {what}; {NO_FLAG}"
        raise ModelRefusedError(detail=detail, next_step=NO_FLAG)


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "expr_str": _is_shape,
    "in_spec": _is_tree,
    "out_spec": _is_tree,
    **dict.fromkeys(_NAMED, lambda text: _NAME.fullmatch(text) is not None),
    **dict.fromkeys(_WORDS, lambda text: _WORD.fullmatch(text) is not None),
}
