"""What every example does: save the model and its validation data, and submit them as one command would."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from numpy.typing import NDArray

_ROOT = Path(__file__).resolve().parent.parent / "build" / "examples"


def save_and_submit(name: str, model: Any, rows: NDArray[np.floating], truth: NDArray[np.generic]) -> int:
    """Write `model` and its held-out data below build/examples, submit them, and return the exit status.

    Arguments of the script are passed on to `mltest-coordinator submit`.
    """
    model_path, data_path = save_example(_ROOT / name, model, rows, truth)
    command = [str(Path(sys.executable).parent / "mltest-coordinator"), "submit", str(model_path)]
    command += ["--data", str(data_path), *sys.argv[1:]]
    print(f"{name}: {len(rows)} held-out rows; running {' '.join(command)}", file=sys.stderr, flush=True)
    return subprocess.run(command, check=False).returncode


def save_example(folder: Path, model: Any, rows: NDArray[np.floating], truth: NDArray[np.generic]) -> tuple[Path, Path]:
    """Write model.skops and data.npz to `folder` and return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    model_path, data_path = folder / "model.skops", folder / "data.npz"
    skops.io.dump(model, model_path)
    np.savez(data_path, X=rows, y=truth)
    return model_path, data_path
