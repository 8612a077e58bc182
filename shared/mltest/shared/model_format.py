"""Which format a model's file has, from its content; nothing is deserialised, and the file's name says nothing.

A pickle is recognised before everything else: whatever calls itself something better is still one.
"""

import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mltest.shared.errors import ModelInvalidError, ModelRefusedError, ModelUnsupportedError

SKOPS, ONNX, PICKLE = "skops", "onnx", "pickle"
XGBOOST_JSON, XGBOOST_UBJ, LIGHTGBM, CATBOOST = "xgboost-json", "xgboost-ubj", "lightgbm", "catboost"
PT2 = "pt2"
"""An exported program of PyTorch, as torch.export.save writes it."""

_HEAD_BYTES = 4096
_PUSHING = b"(]})IJKMLFGSVTUBCXNc\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95"
"""With what a pickle without a version number can begin: everything else needs something on the stack."""
_GLOBAL = re.compile(rb"c[\w.]+\n[\w.]+\n")
_ENOUGH_OPERATIONS = 8
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"\x04\x22\x4d\x18", b"ZF0x")
"""gzip, bzip2, xz, lzma, lz4, joblib's own: joblib opens all of them as pickles."""
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_NAMED = (
    (re.compile(rb"\x89HDF\r\n\x1a\n"), "an HDF5 file (Keras?)"),
    (re.compile(rb".{4}TFL3", re.DOTALL), "a TensorFlow Lite model"),
    (re.compile(rb"GGUF"), "a GGUF model"),
    (re.compile(rb"binf"), "an XGBoost model in its old binary format"),
    (re.compile(rb".{8}\{\s*\"", re.DOTALL), "a safetensors file, which holds weights only"),
    (re.compile(rb"\s*<\?xml.*<PMML", re.DOTALL), "a PMML model"),
    (re.compile(rb"\x93NUMPY"), "an array of NumPy, which is data and no model"),
    (re.compile(rb"\x7fELF"), "a compiled program or library, which is not opened in any case"),
)
_FIRST_LIGHTGBM_LINE = re.compile(rb"tree\r?\n")
_C_WORDS = re.compile(rb"^\s*(#\s*include|#\s*define|static|extern|void|int|float|double|typedef)\b", re.MULTILINE)
_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
"""Numbers and wire types of the fields of ModelProto (onnx.proto of ONNX 1.23)."""
_GRAPH_FIELD = 7
_PROTOCOL, _LAST_PROTOCOL = 0x80, b"\x05"
"""How a pickle since version 2 begins."""
_XGBOOST_JSON = re.compile(rb"\s*\{\s*\"")
_XGBOOST_UBJ = re.compile(rb"\{[iUIlL]")
_XGBOOST_START = 200
_CATBOOST_START = b"CBM1"
"""What reads it as a pickle is not what opens it here."""
_MAX_FIELDS = 10_000
_OLD_PROGRAM = "serialized_exported_program.json"
_CONVERT = "convert it to ONNX (onnxmltools), or to skops by way of scikit-learn"


@dataclass(frozen=True, slots=True)
class _Unsupported:
    """A format that is known and not taken."""

    name: str
    remedy: str


def format_of(path: Path) -> str:
    """Return the format of the model in `path`, one of the names above.

    Raises:
        ModelInvalidError: it is none that is known.
        ModelUnsupportedError: it is one that no runtime takes yet; its name and the way out are in the message.

    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        if not head:
            raise ModelInvalidError(detail="the file is empty")
        found = _recognised(head, path, stream)
    if isinstance(found, _Unsupported):
        raise ModelUnsupportedError(detail=f"it is {found.name}, which no runtime takes yet; {found.remedy}")
    if not found:
        raise ModelInvalidError(
            detail="it is no whole skops, ONNX, XGBoost, LightGBM, CatBoost or PyTorch file, nor another that is known"
        )
    return found


def permitted_format(path: Path, *, allows_pickle: bool) -> str:
    """Return the format of the model in `path`, which is not a pickle unless that is allowed.

    Raises:
        ModelRefusedError: it is a pickle.
        ModelInvalidError, ModelUnsupportedError: as `format_of`.

    """
    found = format_of(path)
    if found == PICKLE and not allows_pickle:
        raise ModelRefusedError(detail="it is a pickle, and a pickle can run any code when it is opened")
    return found


def _recognised(head: bytes, path: Path, stream: BinaryIO) -> str | _Unsupported:
    if head.startswith(b"PK\x03\x04"):
        return _archive(path)
    if head.startswith(_CATBOOST_START):
        return CATBOOST
    if _is_pickle(head):
        return PICKLE
    if boosted := _boosted(head):
        return boosted
    for pattern, name in _NAMED:
        if pattern.match(head):
            return _Unsupported(name, _CONVERT)
    if _is_onnx(stream):
        return ONNX
    if b"\0" not in head and _C_WORDS.search(head):
        return _Unsupported("C source", "submit the model that it was made from, as skops or ONNX")
    return ""


def _boosted(head: bytes) -> str:
    """Return the format of a library of boosted trees; empty if it is none."""
    if _FIRST_LIGHTGBM_LINE.match(head):
        return LIGHTGBM
    if b"learner" not in head[:_XGBOOST_START]:
        return ""
    if _XGBOOST_JSON.match(head):
        return XGBOOST_JSON
    return XGBOOST_UBJ if _XGBOOST_UBJ.match(head) else ""


def _is_pickle(head: bytes) -> bool:
    if (head[0] == _PROTOCOL and head[1:2] <= _LAST_PROTOCOL) or head.startswith(_COMPRESSED) or _ZLIB.match(head):
        return True
    if head[0] not in _PUSHING or (head[:1] == b"c" and not _GLOBAL.match(head)):
        return False
    try:
        for index, (operation, _, _) in enumerate(pickletools.genops(head)):
            if operation.name == "STOP" or index >= _ENOUGH_OPERATIONS:
                return True
    except ValueError:
        pass
    return False


def _archive(path: Path) -> str | _Unsupported:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            is_pt2 = _is_pt2(archive, names)
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError, EOFError) as error:
        raise ModelInvalidError(detail=f"it is a part of a zip archive, or a damaged one ({error})") from error
    if "schema.json" in names:
        return SKOPS
    if any(name.endswith("data.pkl") for name in names):
        return PICKLE
    if is_pt2:
        return PT2
    if _OLD_PROGRAM in names:
        return _Unsupported("a program that PyTorch before 2.8 exported", "save it again: torch.export.save")
    if names and all(name.endswith(".npy") for name in names):
        return _Unsupported("an archive of NumPy arrays, which is data and no model", "name it with --data")
    raise ModelInvalidError(
        detail="it is a zip archive, but neither a skops file (no schema.json) nor an exported program of PyTorch"
    )


def _is_pt2(archive: zipfile.ZipFile, names: list[str]) -> bool:
    """Return whether the archive calls itself one of PyTorch's; what is in it is looked at by `native.pt2_archive`."""
    root = names[0].partition("/")[0] if names else ""
    name = f"{root}/archive_format"
    if name not in names or archive.getinfo(name).file_size > len(PT2):
        return False
    return archive.read(name) == PT2.encode()


def _is_onnx(stream: BinaryIO) -> bool:
    """Return whether the file is a chain of fields as ModelProto has them, with a graph among them."""
    try:
        numbers = list(_field_numbers(stream))
    except ValueError:
        return False
    return _GRAPH_FIELD in numbers


def _field_numbers(stream: BinaryIO) -> Iterator[int]:
    """Yield the number of each field on the outermost level; ValueError where there is none."""
    size = stream.seek(0, 2)
    stream.seek(0)
    for _ in range(_MAX_FIELDS):
        if stream.tell() >= size:
            return
        number, wire_type = divmod(_varint(stream), 8)
        if _ONNX_FIELDS.get(number) != wire_type:
            raise ValueError(f"field {number} of wire type {wire_type}")
        value = _varint(stream)
        if wire_type == 2:
            if value > size - stream.tell():
                raise ValueError("a field ends behind the file")
            stream.seek(value, 1)
        yield number
    raise ValueError("too many fields")


def _varint(stream: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = stream.read(1)
        if not byte:
            raise ValueError("a number is cut off")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number has no end")
