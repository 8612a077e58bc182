"""Small trained models with validation data, as files that a user would submit."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model and its validation data."""

    model: Path
    data: Path


def logistic_on_noise(folder: Path) -> ModelFiles:
    """Write a logistic regression over three classes as ONNX, with rows and without labels, below `folder`."""
    from tests.integration.agent_peer import write_files

    files = write_files(folder)
    return ModelFiles(files.model, files.data)


def forest_on_digits(folder: Path, *, trees: int = 10, is_onnx: bool = False) -> ModelFiles:
    """Train a random forest and write it with held-out rows below `folder`, as skops or as ONNX."""
    import numpy as np
    import skops.io
    from skl2onnx import to_onnx
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    rows, labels = load_digits(return_X_y=True)
    train, held_out, train_labels, held_out_labels = train_test_split(rows, labels, random_state=0)
    forest = RandomForestClassifier(trees, max_depth=8, random_state=0).fit(train, train_labels)
    files = ModelFiles(folder / ("forest.onnx" if is_onnx else "forest.skops"), folder / "digits.npz")
    if is_onnx:
        graph = to_onnx(forest, train[:1].astype(np.float32), options={"zipmap": False})
        files.model.write_bytes(graph.SerializeToString())
    else:
        skops.io.dump(forest, files.model)
    np.savez(files.data, X=held_out, y=held_out_labels)
    return files


def forest_on_noise(folder: Path, *, trees: int, depth: int, rows: int) -> ModelFiles:
    """Train a random forest of 20 noisy features and write it as skops, with `rows` held-out rows, below `folder`."""
    import numpy as np
    import skops.io
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    drawn, labels = make_classification(
        n_samples=rows + 10_000, n_features=20, n_informative=12, n_redundant=4, flip_y=0.05, random_state=0
    )
    forest = RandomForestClassifier(trees, max_depth=depth, random_state=0).fit(drawn[rows:], labels[rows:])
    files = ModelFiles(folder / "forest.skops", folder / "noise.npz")
    skops.io.dump(forest, files.model)
    np.savez(files.data, X=drawn[:rows], y=labels[:rows])
    return files
