"""SHA-256 of what exporters and transforms write: in this process, and in another one with another order of hashes.

python -m tests.contract.digests KIND FOLDER
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from mltest.coordinator.builder.exporters.onnx_export import OnnxExport
from mltest.coordinator.builder.exporters.registry import exporters
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.native_file import write_native
from mltest.coordinator.builder.opened_model import open_native, opened_estimator, opened_library_model
from mltest.coordinator.builder.transforms.registry import transformed
from mltest.shared.errors import ConversionError
from mltest.shared.model_format import format_of
from tests.contract.artifacts import source_of
from tests.contract.own_environments import add_own_environments
from tests.contract.tiny_models import tiny_model

NETWORKS = ("network, two classes", "network, three text labels", "network of values", "scaled network")
PRECISIONS = {variant.name: dict(variant.options) for variant in OnnxExport.needs.variants if variant.name}
PRUNED = ("forest, three classes", "boosting, two classes", "scaled forest", "histogram boosting, two classes")
NETWORK_LABELS = ("prune-weights 1/2", "prune-units 1/2")
LABELS = ("prune-trees complementarity 1/2", "cap-depth 1/2", "cap-depth 1/2 refined", "first-stages 1/2")


def here_and_elsewhere(kind: str, folder: Path) -> tuple[list[str], list[str]]:
    """Return the lines of `kind` of this process, and those of one whose order of hashes is another one."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract.digests", kind, str(folder)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    return list(KINDS[kind](folder)), done.stdout.splitlines()


def _exported(folder: Path) -> Iterator[str]:
    """Yield one line for each model of a file in `folder` and each exporter that takes it."""
    for path in sorted([*folder.glob("*.skops"), *folder.glob("*.model")]):
        source = _opened(path)
        for found in exporters():
            families = found.needs.families or (source.info.family,)
            if source.info.format in found.needs.formats and source.info.family in families:
                try:
                    found.export(source, folder / "artifact")
                except ConversionError:
                    continue
                yield f"{path.name} {found.needs.name} {_digest(folder / 'artifact')}"


def _opened(path: Path) -> ExportSource:
    if format_of(path) != "skops":
        return ExportSource(path=path, info=opened_library_model(path, format_of(path)).info, native=None)
    native, notes = open_native(path, "skops", allows_pickle=False)
    info = opened_estimator(native, notes, file_format="skops", size_bytes=0).info
    return ExportSource(path=path, info=info, native=native)


def _transformed(folder: Path) -> Iterator[str]:
    """Yield one line for each of some models, transforms and formats."""
    for names, labels in ((PRUNED, LABELS), (NETWORKS, NETWORK_LABELS)):
        for name, label in product(names, labels):
            for file_format in ("skops", "pickle"):
                try:
                    made = transformed(sourced(name, folder), label, folder / "unused")
                except ConversionError as error:
                    yield f"{name} {label} {error}"
                    continue
                write_native(replace(made, info=replace(made.info, format=file_format)), folder / "artifact")
                yield f"{name} {label} {file_format} {_digest(folder / 'artifact')}"


def sourced(name: str, folder: Path) -> ExportSource:
    """Return the model `name` with a dataset as inspection writes it; true is what it says of the row before."""
    source, rows = source_of(name, folder), tiny_model(name).rows
    assert source.native is not None
    predictions = source.native.predictions(source.native.prepare(rows))
    said = predictions.scores if predictions.labels is None else predictions.labels
    assert said is not None
    np.savez(folder / "dataset.npz", X=rows, y=np.roll(said.squeeze(), 1, axis=0))
    return replace(source, rows=folder / "dataset.npz")


def _quantised(folder: Path) -> Iterator[str]:
    """Yield one line for each network and precision."""
    for name in NETWORKS:
        np.savez(folder / "rows.npz", X=tiny_model(name).rows)
        source = replace(source_of(name, folder), rows=folder / "rows.npz")
        for options in PRECISIONS.values():
            OnnxExport().export(replace(source, options=options), folder / "artifact")
            yield f"{name} {options} {_digest(folder / 'artifact')}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


KINDS: Mapping[str, Callable[[Path], Iterator[str]]] = {
    "exported": _exported,
    "transformed": _transformed,
    "quantised": _quantised,
}

if __name__ == "__main__":
    add_own_environments()
    for line in KINDS[sys.argv[1]](Path(sys.argv[2])):
        sys.stdout.write(line + "\n")
