"""Which runtimes have an environment of their own on this machine, and where.

An environment lies in a folder of the runtime's name. What is being made or removed lies beside it, in one whose name
begins with a dot, so that whatever is found here is whole.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from mltest.shared.native.compiled_program import TORCH_COMPILE
from mltest.shared.native.onnx_on_gpu import ONNXRUNTIME_CUDA, ONNXRUNTIME_TENSORRT
from mltest.shared.state import default_state_folder

FOLDER_VARIABLE = "MLTEST_RUNTIMES_DIR"
"""Where the environments of this machine are, in place of the user's own."""
FOLDER_NAME = "runtimes"
MAX_FAILURE_CHARS = 500

_SHARED = {TORCH_COMPILE: "torch", ONNXRUNTIME_TENSORRT: ONNXRUNTIME_CUDA}
"""Runtimes that run in the environment of another one."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Environments:
    """The environments below some folders, the first of which that has one for a runtime decides."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders

    def folder_of(self, runtime: str) -> Path | None:
        """Return the environment of `runtime`, whole or broken; None if it has none of its own."""
        if not _NAME.fullmatch(runtime):
            return None
        name = environment_of(runtime)
        return next((path for folder in self.folders if (path := folder / name).is_dir()), None)

    def python_of(self, runtime: str) -> Path | None:
        """Return the interpreter that `runtime` runs in; None means that of the agent."""
        folder = self.folder_of(runtime)
        return None if folder is None else interpreter_in(folder)

    def failure_of(self, runtime: str) -> str:
        """Return why an environment of `runtime` could not be made when that was last tried; empty if it was not."""
        for path in (failure_file(folder, environment_of(runtime)) for folder in self.folders):
            if path.is_file():
                with path.open(encoding="utf-8", errors="replace") as stream:
                    return stream.read(MAX_FAILURE_CHARS).strip()
        return ""


def environment_of(runtime: str) -> str:
    """Return the runtime in whose environment `runtime` runs: itself, nearly always."""
    return _SHARED.get(runtime, runtime)


def interpreter_in(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return environment / "bin" / "python"


def failure_file(folder: Path, runtime: str) -> Path:
    """Return where `folder` keeps why `runtime` could not be installed."""
    return folder / f"{runtime}.failed"


def environments_of_machine(variables: Mapping[str, str] = os.environ) -> Path:
    """Return where the environments of every agent of this user are: $MLTEST_RUNTIMES_DIR, or beside their states."""
    given = variables.get(FOLDER_VARIABLE, "")
    return Path(given).absolute() if given else default_state_folder("", variables) / FOLDER_NAME


def environments_of_agent(state: Path | None) -> Environments:
    """Return what an agent that keeps its state in `state` uses: environments below it, then those of the machine."""
    own = (state / FOLDER_NAME,) if state is not None else ()
    return Environments(*own, environments_of_machine())
