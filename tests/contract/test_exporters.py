"""What every exporter has to do, for every family and kind of label."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.exporters.registry import exporter_needs, exporters
from mltest.coordinator.builder.exporters.role import Exporter
from mltest.shared.domain import Output, Task
from mltest.shared.errors import ConversionError
from tests.contract.artifacts import NAMES, NOT_CONVERTED, make, needs_converter, rows_of, source_of, taken_pairs
from tests.contract.own_environments import add_own_environments, skipped_unless_installed

add_own_environments()

MADE = [
    pytest.param(
        name,
        found,
        id=f"{name}-{found.needs.name}",
        marks=[skipped_unless_installed(runtime_named(found.needs.runtimes[0]).needs), needs_converter(found)],
    )
    for name, found in taken_pairs()
    if (name, found.needs.name) not in NOT_CONVERTED
]
MIN_LABEL_AGREEMENT = {("scaled forest", "onnx_export"): 0.98}
"""A scaled value that is rounded to float32 may fall on the other side of a threshold."""


@pytest.mark.parametrize(("name", "exporter"), MADE)
def test_an_artifact_predicts_what_the_native_model_predicts(name: str, exporter: Exporter, tmp_path: Path) -> None:
    made, rows = make(name, exporter, tmp_path), rows_of(name)
    model = runtime_named(made.candidate.runtime).open(made.path, made.candidate)
    found = model.predictions(model.prepare(rows))
    expected = made.native.predictions(made.native.prepare(rows))
    assert expected.scores is not None
    least = MIN_LABEL_AGREEMENT.get((name, exporter.needs.name), 1.0)
    if found.scores is None:
        assert made.candidate.output is Output.LABELS
    else:
        assert found.scores.shape == expected.scores.shape
        assert found.are_probabilities == expected.are_probabilities
        close = np.isclose(found.scores, expected.scores, rtol=1e-4, atol=1e-4).all(axis=1)
        assert close.mean() >= least
    if made.candidate.task is Task.CLASSIFICATION:
        assert found.labels is not None
        assert expected.labels is not None
        assert found.labels.min() >= 0
        assert (found.labels == expected.labels).mean() >= least


@pytest.mark.parametrize(("name", "exporter"), MADE)
def test_the_same_model_gives_the_same_bytes(name: str, exporter: Exporter, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    first, second = tmp_path / "first", tmp_path / "second"
    assert exporter.export(source, first) == exporter.export(source, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("needs", exporter_needs(), ids=lambda needs: needs.name)
def test_an_exporter_names_runtimes_and_formats(needs: object) -> None:
    from mltest.agent.runtimes.registry import runtimes
    from mltest.coordinator.builder.exporters.role import ExporterNeeds

    assert isinstance(needs, ExporterNeeds)
    for name in needs.runtimes:
        assert set(needs.formats.values()) <= set(runtimes()[name].needs.formats)


REFUSALS = [
    pytest.param(pair, id=", ".join(pair), marks=needs_converter(found))
    for pair in NOT_CONVERTED
    for found in exporters()
    if pair[0] in NAMES and found.needs.name == pair[1]
]


@pytest.mark.parametrize("pair", REFUSALS)
def test_what_cannot_be_made_says_why(pair: tuple[str, str], tmp_path: Path) -> None:
    exporter = next(found for found in exporters() if found.needs.name == pair[1])
    with pytest.raises(ConversionError, match=NOT_CONVERTED[pair]):
        make(pair[0], exporter, tmp_path)


def test_bytes_do_not_depend_on_the_order_of_hashes(tmp_path: Path) -> None:
    program = """
import hashlib, sys
from pathlib import Path
from mltest.coordinator.builder.exporters.registry import exporters
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.opened_model import open_native, opened_estimator, opened_library_model
from mltest.shared.errors import ConversionError
from mltest.shared.model_format import format_of
folder = Path(sys.argv[1])
for path in sorted([*folder.glob("*.skops"), *folder.glob("*.model")]):
    native, notes, file_format = None, (), format_of(path)
    if file_format == "skops":
        native, notes = open_native(path, "skops", allows_pickle=False)
        info = opened_estimator(native, notes, file_format="skops", size_bytes=0).info
    else:
        info = opened_library_model(path, file_format).info
    for found in exporters():
        if file_format in found.needs.formats and (not found.needs.families or info.family in found.needs.families):
            target = folder / "artifact"
            try:
                found.export(ExportSource(path=path, info=info, native=native), target)
            except ConversionError:
                continue
            print(path.name, found.needs.name, hashlib.sha256(target.read_bytes()).hexdigest())
"""
    for name in NAMES:
        source_of(name, tmp_path)
    printed = [
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(printed[0].splitlines()) > len(NAMES)
    assert printed[0] == printed[1]
