"""Sources that every layout and option gives for small models, compiled and called as any program would."""

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.ensemble import Ensemble
from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble
from mltest.coordinator.builder.exporters.c_export import CExport
from mltest.coordinator.builder.exporters.role import Exporter, ExportSource
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import ModelInfo
from mltest.shared.native.outputs import describe_estimator
from tests.made_once import made_once

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-ffp-contract=off")
_LIBRARY = "model.so"


def written(
    source: ExportSource,
    variant: Variant,
    rows: NDArray[np.floating],
    folder: Path,
    exporter: Exporter | None = None,
) -> Path:
    """Export one variant, of trees if no exporter is given; `rows` (rows, features) are the dataset."""
    dataset, target = folder / "dataset.npz", folder / "model.c"
    np.savez(dataset, X=rows)
    (exporter or CExport()).export(replace(source, options=variant.options, rows=dataset), target)
    return target


def estimator_source(estimator: Any) -> ExportSource:
    """Return a fitted estimator as exporters get it; there is no file of it."""
    native = describe_estimator(estimator)
    info = ModelInfo(
        format="skops",
        family=native.family,
        kind=native.kind,
        task=native.task,
        output=native.output,
        feature_count=native.feature_count,
        classes=native.classes,
        size_bytes=0,
    )
    return ExportSource(path=Path("unused"), info=info, native=native)


def compiled(path: Path, *flags: str, compiler: str = "cc") -> Path:
    """Compile a source without a warning into a library, which is shared by all who compile the same."""
    command = [compiler, *STRICT, *flags, "-fPIC", "-shared"]
    content = hashlib.sha256(path.read_bytes()).hexdigest()

    def make(folder: Path) -> None:
        subprocess.run([*command, "-o", folder / _LIBRARY, path, "-lm"], check=True, timeout=120)

    return made_once(f"{content} {command}", make) / _LIBRARY


def called(
    library: Path, rows: NDArray[np.floating], batch_size: int = 0, *, gives_scores: bool = False
) -> NDArray[np.float64]:
    """Return what `mltest_predict` gives for `rows` (rows, features), some at a time (0: all at once).

    With `gives_scores`, what `mltest_scores` gives.
    """
    opened = ctypes.CDLL(str(library))
    input_type = (ctypes.c_char * 16).in_dll(opened, "mltest_input_type").value.decode()
    function = opened["mltest_scores" if gives_scores else "mltest_predict"]
    width = ctypes.c_uint32.in_dll(opened, f"mltest_{'score' if gives_scores else 'output'}_count").value
    rows = np.ascontiguousarray(rows, dtype=input_type)
    output = np.full((len(rows), width), np.nan)
    step = batch_size or len(rows)
    for first in range(0, len(rows), step):
        batch, part = rows[first : first + step], output[first : first + step]
        function(ctypes.c_void_p(batch.ctypes.data), ctypes.c_size_t(len(batch)), ctypes.c_void_p(part.ctypes.data))
    return output


def run_alone(
    source: Path,
    rows: NDArray[np.float64],
    expected: NDArray[np.float64],
    flags: tuple[str, ...],
    folder: Path,
    *,
    machine: str = "",
    emulator: str = "",
    is_exact: bool = True,
    has_same_bits: bool = False,
) -> None:
    """Run a program around a source that answers the rows of a file, and compare its answers."""
    program, answers = folder / "program", folder / "answers"
    compiler = f"{machine}-gcc" if machine else "cc"
    caller = Path(__file__).parent / "c_caller.c"
    subprocess.run(
        [compiler, "-std=c11", *flags, "-ffp-contract=off", "-o", program, caller, source, "-lm"], check=True
    )
    input_type = "float32" if b"typedef float INPUT" in source.read_bytes() else "float64"
    (folder / "rows").write_bytes(np.ascontiguousarray(rows, dtype=input_type).tobytes())
    started = [*([emulator] if emulator else []), str(program), str(folder / "rows"), str(answers)]
    subprocess.run(started, check=True, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    found = np.frombuffer(answers.read_bytes(), dtype=np.float64).reshape(expected.shape)
    if has_same_bits:
        np.testing.assert_array_equal(found, expected)
    elif is_exact:
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


def rows_at_thresholds(source: ExportSource, rows: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """Return copies of `rows`, in each of which one value is a threshold of the model, or next to one."""
    ensemble = read_ensemble(source)
    found = [
        (tree.features[node], value)
        for tree in ensemble.trees
        for node, _, _ in tree.inner()
        for value in _around(tree.thresholds[node], ensemble)
        if np.isfinite(value)
    ]
    chosen = [found[index] for index in np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)]
    copies = rows[np.arange(len(chosen)) % len(rows)].astype(np.float64)
    for row, (feature, value) in enumerate(chosen):
        copies[row, feature] = value
    return copies


def _around(threshold: float, ensemble: Ensemble) -> Sequence[float]:
    kind = np.dtype(ensemble.input_type).type
    nearest = kind(threshold)
    return [
        float(value) for value in (nearest, np.nextafter(nearest, kind(np.inf)), np.nextafter(nearest, -kind(np.inf)))
    ]
