"""What every exporter has to do, for every family and kind of label."""

from pathlib import Path

import numpy as np
import pytest

from mltest.agent.runtimes.registry import runtime_named
from mltest.coordinator.builder.exporters.registry import exporter_needs, exporters
from mltest.coordinator.builder.exporters.role import Exporter
from mltest.coordinator.builder.exporters.tool import absence_of
from mltest.shared.domain import Output, Task
from mltest.shared.errors import ConversionError
from tests.contract.artifacts import LOSSY, NAMES, NOT_CONVERTED, made_artifact, rows_of, source_of, taken_pairs
from tests.contract.digests import here_and_elsewhere
from tests.contract.own_environments import add_own_environments, skipped_unless_made_and_run

add_own_environments()

MADE = [
    pytest.param(
        name,
        found,
        id=f"{name}-{found.needs.name}",
        marks=skipped_unless_made_and_run(found.needs),
    )
    for name, found in taken_pairs()
    if (name, found.needs.name) not in NOT_CONVERTED
]
OF_EACH_KIND = {
    "forest, text labels",
    "boosting, two classes",
    "histogram boosting, three classes",
    "logistic, three classes",
    "svm, two text labels",
    "network, three text labels",
    "scaled forest",
    "ridge of values",
    "xgboost, three classes",
    "lightgbm, three classes",
    "catboost, three classes",
}
SOME_OF_EACH = tuple(name for name in NAMES if name in OF_EACH_KIND)
MIN_LABEL_AGREEMENT = {("scaled forest", "onnx_export"): 0.98}
"""A scaled value that is rounded to float32 may fall on the other side of a threshold."""


@pytest.mark.parametrize(("name", "exporter"), MADE)
def test_an_artifact_predicts_what_the_native_model_predicts(name: str, exporter: Exporter) -> None:
    made, rows = made_artifact(name, exporter), rows_of(name)
    model = runtime_named(made.candidate.runtime).open(made.path, made.candidate)
    found = model.predictions(model.prepare(rows))
    expected = made.native.predictions(made.native.prepare(rows))
    assert expected.scores is not None
    least = MIN_LABEL_AGREEMENT.get((name, exporter.needs.name), LOSSY.get(exporter.needs.name, 1.0))
    if found.scores is None:
        assert made.candidate.output is Output.LABELS
    else:
        assert found.scores.shape == expected.scores.shape
        assert found.are_probabilities == expected.are_probabilities
        close = np.isclose(found.scores, expected.scores, rtol=1e-4, atol=1e-4).all(axis=1)
        is_judged = exporter.needs.name not in LOSSY or made.candidate.task is Task.REGRESSION
        assert not is_judged or close.mean() >= least
    if made.candidate.task is Task.CLASSIFICATION:
        assert found.labels is not None
        assert expected.labels is not None
        assert found.labels.min() >= 0
        assert (found.labels == expected.labels).mean() >= least


@pytest.mark.parametrize(("name", "exporter"), MADE)
def test_the_same_model_gives_the_same_bytes(name: str, exporter: Exporter, tmp_path: Path) -> None:
    first, again = made_artifact(name, exporter), tmp_path / "again"
    exported = exporter.export(first.source, again)
    assert (exported.input_dtype, exported.options) == (first.candidate.input_dtype, first.candidate.options)
    assert again.read_bytes() == first.artifact.read_bytes()


@pytest.mark.parametrize("needs", exporter_needs(), ids=lambda needs: needs.name)
def test_an_exporter_names_runtimes_and_formats(needs: object) -> None:
    from mltest.agent.runtimes.registry import runtimes
    from mltest.coordinator.builder.exporters.role import ExporterNeeds

    assert isinstance(needs, ExporterNeeds)
    for name in needs.runtimes:
        assert set(needs.formats.values()) <= set(runtimes()[name].needs.formats)


@pytest.mark.parametrize("pair", [pair for pair in NOT_CONVERTED if pair[0] in NAMES], ids=", ".join)
def test_what_cannot_be_made_says_why(pair: tuple[str, str], tmp_path: Path) -> None:
    exporter = next(found for found in exporters() if found.needs.name == pair[1])
    if absence := absence_of(exporter.needs):
        pytest.skip(absence)
    with pytest.raises(ConversionError, match=NOT_CONVERTED[pair]):
        exporter.export(source_of(pair[0], tmp_path), tmp_path / "artifact")


@pytest.mark.parametrize("names", [SOME_OF_EACH, pytest.param(NAMES, marks=pytest.mark.long)], ids=["some", "all"])
def test_bytes_do_not_depend_on_the_order_of_hashes(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        source_of(name, tmp_path)
    here, elsewhere = here_and_elsewhere("exported", tmp_path)
    assert len(here) > len(names)
    assert here == elsewhere
