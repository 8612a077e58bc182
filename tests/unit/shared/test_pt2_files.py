"""Exported programs of PyTorch are read without PyTorch, and what could run in them is refused."""

import json
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mltest.shared.errors import ModelInvalidError, ModelRefusedError, ModelUnsupportedError
from mltest.shared.model_format import PT2, permitted_format
from mltest.shared.native.pt2_archive import GRAPH, SAMPLE_INPUTS, read_program
from mltest.shared.native.torch_module import BUILDER_REMEDY, open_program
from mltest.shared.status import next_step_of
from tests.hostile.programs import BIAS, DAMAGED, REFUSED, UNSUPPORTED, WEIGHT, honest_parts, write_parts

WITH_TORCH = pytest.mark.skipif(find_spec("torch") is None, reason=BUILDER_REMEDY)


def test_an_exported_program_is_told_by_its_content(tmp_path: Path) -> None:
    assert permitted_format(write_parts(honest_parts(), tmp_path / "model.pkl"), allows_pickle=False) == PT2


def test_a_program_of_an_earlier_pytorch_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("serialized_exported_program.json", "{}")
    with pytest.raises(ModelUnsupportedError, match=r"PyTorch before 2\.8 exported.*torch\.export\.save"):
        permitted_format(path, allows_pickle=False)


def test_an_honest_program_says_what_it_takes(tmp_path: Path) -> None:
    facts = read_program(write_parts(honest_parts(), tmp_path / "model")).facts
    assert (facts.kind, facts.family) == ("PyTorch 2.13.0 program", "linear")
    assert (facts.row_shape, facts.feature_count, facts.input_dtype) == ((3,), 3, "float32")


def test_what_could_run_is_not_passed_on(tmp_path: Path) -> None:
    parts = read_program(write_parts(honest_parts(), tmp_path / "model"))
    assert SAMPLE_INPUTS not in parts.members
    document = json.loads(parts.members[GRAPH])
    assert document["guards_code"] == []
    assert document["graph_module"]["graph"]["nodes"][0]["metadata"] == {}


@WITH_TORCH
def test_an_honest_program_computes_what_its_weights_say(tmp_path: Path) -> None:
    opened = open_program(write_parts(honest_parts(), tmp_path / "model"))
    rows = np.array([[1.0, 0.0, 2.0], [0.5, -1.0, 0.0], [0.0, 0.0, 0.0]], dtype=np.float32)
    np.testing.assert_allclose(opened.scores(rows), rows @ np.array(WEIGHT).T + np.array(BIAS), rtol=1e-6)


@pytest.mark.parametrize("what", REFUSED)
def test_a_program_is_refused_that(what: str, tmp_path: Path) -> None:
    parts = honest_parts()
    REFUSED[what](parts)
    with pytest.raises(ModelRefusedError) as caught:
        read_program(write_parts(parts, tmp_path / "model"))
    assert "--allow-pickle" not in f"{caught.value.message} {next_step_of(caught.value)}"


@pytest.mark.parametrize("what", UNSUPPORTED)
def test_a_program_is_not_used_with(what: str, tmp_path: Path) -> None:
    parts = honest_parts()
    edit, reason = UNSUPPORTED[what]
    edit(parts)
    with pytest.raises(ModelUnsupportedError, match=reason):
        read_program(write_parts(parts, tmp_path / "model"))


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_program_is_named(what: str, tmp_path: Path) -> None:
    parts = honest_parts()
    DAMAGED[what](parts)
    with pytest.raises(ModelInvalidError):
        read_program(write_parts(parts, tmp_path / "model"))


def test_an_archive_that_grows_when_it_is_opened_is_none_of_pytorch(tmp_path: Path) -> None:
    path = write_parts(honest_parts(), tmp_path / "model", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelInvalidError, match="compressed or there twice"):
        read_program(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_part_of_a_program_is_none(share: float, tmp_path: Path) -> None:
    path = write_parts(honest_parts(), tmp_path / "model")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ModelInvalidError):
        read_program(path)


@pytest.mark.skipif(find_spec("torch") is not None, reason="pip uninstall torch")
def test_without_pytorch_the_command_that_mends_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnsupportedError, match="PyTorch is not installed where models are opened") as caught:
        open_program(write_parts(honest_parts(), tmp_path / "model"))
    assert next_step_of(caught.value) == BUILDER_REMEDY
