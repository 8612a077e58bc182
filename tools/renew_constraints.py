"""Resolve the newest releases that fit, on the oldest supported Python, and write constraints.txt.

Run it with the oldest Python that is supported (make constraints PYTHON=python3.11), so that every pin exists there.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = (
    "# Every version that the checks run with, for Python 3.11 to 3.13. Renew: make constraints PYTHON=python3.11\n"
)
EXTRAS = (
    "agent,coordinator,runtimes-all,runtimes-onnxruntime-cuda,runtimes-openvino,runtimes-litert,runtimes-daal4py,runtimes-catboost,"
    "runtimes-lleaves,builder-torch,dev"
)
"""Large runtimes, and those with an environment of their own, are pinned, too: nothing is imported here."""
BUILD = ("hatchling", "editables")
"""What pip needs to build this project; pinned like everything else."""
HELD_BACK = ("grpcio-health-checking==1.81.*", "grpcio-reflection==1.81.*")
"""Newer ones want protobuf 7, which skl2onnx refuses; grpcio itself needs no protobuf and goes on without them."""


def main() -> int:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "venv" / "bin" / "python"
        _run(sys.executable, "-m", "venv", str(python.parents[1]))
        _run(str(python), "-m", "pip", "install", "--quiet", *HELD_BACK, *BUILD, "-e", f"{ROOT}[{EXTRAS}]")
        pins = _run(str(python), "-m", "pip", "freeze", "--exclude-editable").splitlines()
        # Of a local build ("2.13.0+cpu") the index knows the version only.
        pins = [pin.partition("+")[0] for pin in pins]
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(sorted(pins, key=str.lower)) + "\n")
    return 0


def _run(*command: str) -> str:
    unpinned = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=unpinned).stdout


if __name__ == "__main__":
    raise SystemExit(main())
