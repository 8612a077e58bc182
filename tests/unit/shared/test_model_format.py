"""Formats are told by content; nothing here opens a model."""

import bz2
import gzip
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mltest.shared.errors import ModelInvalidError, ModelRefusedError, ModelUnsupportedError
from mltest.shared.model_format import (
    CATBOOST,
    LIGHTGBM,
    ONNX,
    PICKLE,
    SKOPS,
    XGBOOST_JSON,
    XGBOOST_UBJ,
    format_of,
    permitted_format,
)


class Evil:
    """What must not be opened."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit",)


def written(folder: Path, content: bytes, name: str = "model.bin") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def archive(folder: Path, *names: str) -> Path:
    with zipfile.ZipFile(folder / "model.onnx", "w") as zipped:
        for name in names:
            zipped.writestr(name, b"{}")
    return folder / "model.onnx"


def onnx_bytes() -> bytes:
    """A ModelProto by hand: ir_version, producer_name, graph, opset_import."""
    return b"\x08\x0a" + b"\x12\x04mine" + b"\x3a\x02\x12\x00" + b"\x42\x02\x10\x0f"


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_every_protocol_is_one_whatever_its_name(protocol: int, tmp_path: Path) -> None:
    for value in (Evil(), [1, 2], {"a": 1}, Evil):
        path = written(tmp_path, pickle.dumps(value, protocol), "model.onnx")
        assert format_of(path) == PICKLE


@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress, bz2.compress])
def test_a_compressed_file_is_a_pickle_as_joblib_opens_it(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    assert format_of(written(tmp_path, compress(pickle.dumps(1)), "model.skops")) == PICKLE


def test_a_hand_written_pickle_that_begins_with_a_harmless_value_is_one(tmp_path: Path) -> None:
    assert format_of(written(tmp_path, b"I1\n0cos\nsystem\n(S'true'\ntR.")) == PICKLE


@pytest.mark.promise(10)
def test_a_pickle_is_refused_without_permission(tmp_path: Path) -> None:
    path = written(tmp_path, pickle.dumps(Evil()), "model.json")
    with pytest.raises(ModelRefusedError, match="is a pickle"):
        permitted_format(path, allows_pickle=False)
    assert permitted_format(path, allows_pickle=True) == PICKLE


def test_an_archive_with_a_pickle_inside_is_a_pickle(tmp_path: Path) -> None:
    assert format_of(archive(tmp_path, "model/data.pkl", "model/version")) == PICKLE


def test_an_archive_with_a_schema_is_a_skops_file(tmp_path: Path) -> None:
    assert format_of(archive(tmp_path, "schema.json", "1.npy")) == SKOPS


def test_a_chain_of_the_right_fields_is_an_onnx_file(tmp_path: Path) -> None:
    assert format_of(written(tmp_path, onnx_bytes(), "model.pkl")) == ONNX


@pytest.mark.parametrize(
    "content",
    [
        onnx_bytes()[:-1],
        onnx_bytes() + b"\x00",
        b"\x08\x0a\x12\x04mine",
        b"\xff" * 64,
        b"",
        b"just text",
        b"PK\x03\x04 cut",
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    ],
)
def test_what_is_none_of_them_is_no_model(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelInvalidError):
        format_of(written(tmp_path, content))


BOOSTED = {
    XGBOOST_JSON: json.dumps({"learner": {"gradient_booster": {}}, "version": [3, 2, 0]}).encode(),
    XGBOOST_UBJ: b"{L" + struct.pack(">q", 7) + b"learner{}}",
    LIGHTGBM: b"tree\nversion=v4\nnum_class=1\n",
    CATBOOST: b"CBM1\x48\x00\x00\x00" + bytes(72),
}


@pytest.mark.parametrize("name", BOOSTED)
def test_boosted_trees_of_other_libraries_are_told_by_their_content(name: str, tmp_path: Path) -> None:
    assert permitted_format(written(tmp_path, BOOSTED[name], "model.pkl"), allows_pickle=False) == name


def test_json_that_is_no_model_is_none(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalidError):
        format_of(written(tmp_path, b'{"trees": []}', "model.json"))


C_SOURCES = (b'#include "/etc/passwd"\n', b"double f(double *x) { return x[0]; }\n", b"\n// forest\nint tree(void);\n")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        *((source, "C source") for source in C_SOURCES),
        (b"\x89HDF\r\n\x1a\n rest", "HDF5"),
        (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"),
        (b"\x93NUMPY\x01\x00", "data and no model"),
        (b"\x7fELF\x02\x01", "compiled program"),
        (b'\x10\x00\x00\x00\x00\x00\x00\x00{"a": 1}      ', "safetensors"),
    ],
)
def test_a_known_format_that_nobody_takes_is_named(content: bytes, name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelUnsupportedError, match=f"{name}.*which no runtime takes yet; .*"):
        permitted_format(written(tmp_path, content, "model.pkl"), allows_pickle=False)
