"""Makes the models of the selftests, in a child process: the agent itself imports no ML library.

Small models of three kinds, each in the formats of the runtimes that are installed; training takes about a second.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.native.skops_library import skops_library

ROW_COUNT = 1024
"""Distinct rows: enough that compiled trees cannot learn them by heart."""
FEATURE_COUNT = 20
CLASS_COUNT = 3


def make(frame: Frame) -> Frame:
    """Write the artifacts and the datasets below a folder; return how each is described, and what is left out."""
    import numpy as np
    from sklearn.datasets import make_classification

    folder = Path(frame["folder"])
    rows, labels = make_classification(
        ROW_COUNT, FEATURE_COUNT, n_informative=10, n_classes=CLASS_COUNT, random_state=frame["seed"]
    )
    np.savez(folder / "rows.npz", X=rows, y=labels)
    np.savez(folder / "constant.npz", X=np.repeat(rows[:1], ROW_COUNT, axis=0), y=np.repeat(labels[:1], ROW_COUNT))
    _write_many(folder / "many.npz", rows, labels)
    made, left_out = [], {}
    for name, estimator in _fitted(rows, labels, frame["seed"]).items():
        for runtime, write in _WRITERS.items():
            if (name, runtime) in _NOT_MADE:
                continue
            if missing := [module for module in _MODULES[runtime] if importlib.util.find_spec(module) is None]:
                left_out[runtime] = f"{', '.join(missing)} is not installed; pip install 'mltest-fleet[selftest]'"
                continue
            made.append({"name": name, **write(estimator, folder / name), "runtime": runtime})
    return {"made": made, "left_out": left_out, "rows": str(folder / "rows.npz")}


def _write_many(path: Path, rows: Any, labels: Any) -> None:
    """Write 10,000 rows: what a verification of every call goes over."""
    import numpy as np

    repeats = -(-10_000 // len(rows))
    scale = np.repeat(1 + 0.01 * np.arange(repeats), len(rows))[:10_000, None]
    np.savez(path, X=np.tile(rows, (repeats, 1))[:10_000] * scale, y=np.tile(labels, repeats)[:10_000])


def _fitted(rows: Any, labels: Any, seed: int) -> dict[str, Any]:
    import warnings

    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    found: dict[str, Any] = {
        "logistic": LogisticRegression(max_iter=200),
        "forest": RandomForestClassifier(50, max_depth=8, random_state=seed),
        "network": MLPClassifier((64, 64), max_iter=40, random_state=seed),
    }
    with warnings.catch_warnings():
        # It need not converge.
        warnings.simplefilter("ignore")
        return {name: estimator.fit(rows, labels) for name, estimator in found.items()}


def _write_skops(estimator: Any, path: Path) -> Frame:
    target = path.with_suffix(".skops")
    skops_library().dump(estimator, target)
    return {"path": str(target), "format": "skops", "input_dtype": "float64"}


def _write_onnx(estimator: Any, path: Path) -> Frame:
    import warnings

    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    target = path.with_suffix(".onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = convert_sklearn(
            estimator,
            initial_types=[("X", FloatTensorType([None, FEATURE_COUNT]))],
            options={id(estimator): {"zipmap": False}},
            target_opset={"": 18, "ai.onnx.ml": 3},
        )
    target.write_bytes(model.SerializeToString())
    return {"path": str(target), "format": "onnx", "input_dtype": "float32"}


def _write_treelite(estimator: Any, path: Path) -> Frame:
    import treelite

    target = path.with_suffix(".treelite")
    target.write_bytes(treelite.sklearn.import_model(estimator).serialize_bytes())
    options = {"rounds_to_float32": "true"}
    return {"path": str(target), "format": "treelite-checkpoint", "input_dtype": "float64", "options": options}


_WRITERS: dict[str, Callable[[Any, Path], Frame]] = {
    "scikit-learn": _write_skops,
    "onnxruntime": _write_onnx,
    "treelite": _write_treelite,
}
_MODULES = {
    "scikit-learn": ("sklearn", "skops"),
    "onnxruntime": ("onnxruntime", "skl2onnx"),
    "treelite": ("treelite",),
}
_NOT_MADE = {("logistic", "treelite"), ("network", "treelite")}
"""Treelite holds trees only."""


if __name__ == "__main__":
    serve({"make": make})
