"""Where a setting is: a file of the kernel, or a GPU that a tool sets."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mltest.agent.host.kernel_file import kernel_line

GPU_PREFIX = "nvidia-smi persistence "
_TIMEOUT_S = 30.0


class Place(Protocol):
    """Something that has a value and can be given another one."""

    @property
    def name(self) -> str:
        """What it is stored by: `place_named` makes it again."""
        ...

    def read(self) -> str:
        """Return its value; empty where it cannot be read (any more)."""
        ...

    def write(self, value: str) -> None:
        """Give it a value.

        Raises:
            OSError: it does not take it.

        """
        ...


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file below the root of a machine, by its path from there."""

    root: Path
    name: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.root / self.name

    def read(self) -> str:
        """Return its text as one line."""
        return kernel_line(self.path)

    def write(self, value: str) -> None:
        """Write it, and read it again: some files take everything and keep what they had."""
        self.path.write_text(f"{value}\n")
        if (kept := self.read()) != value:
            raise OSError(f"the kernel kept {kept or 'nothing'!r}")


@dataclass(frozen=True, slots=True)
class GpuPersistence:
    """Whether the driver of a GPU stays loaded while nobody uses it: "Enabled" or "Disabled"."""

    index: int

    @property
    def name(self) -> str:
        """With the number of the GPU."""
        return f"{GPU_PREFIX}{self.index}"

    def read(self) -> str:
        """Ask nvidia-smi."""
        try:
            return _smi(self.index, "--query-gpu=persistence_mode", "--format=csv,noheader")
        except OSError:
            return ""

    def write(self, value: str) -> None:
        """Have nvidia-smi set it."""
        _smi(self.index, "-pm", "1" if value == "Enabled" else "0")
        if (kept := self.read()) != value:
            raise OSError(f"the driver kept {kept!r}")


def place_named(name: str, root: Path) -> Place:
    """Return the place that was stored as `name`.

    Raises:
        ValueError: there is no such place, or it is outside of the settings of a machine.

    """
    if name.startswith(GPU_PREFIX):
        return GpuPersistence(int(name.removeprefix(GPU_PREFIX)))
    if not name.startswith(("sys/", "proc/sys/")) or ".." in name.split("/"):
        raise ValueError(f"{name!r} is no setting")
    return FilePlace(root, name)


def _smi(index: int, *arguments: str) -> str:
    command = ["nvidia-smi", "-i", str(index), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise OSError("nvidia-smi does not answer") from error
    if done.returncode:
        raise OSError((done.stdout.strip() or done.stderr.strip() or "nvidia-smi failed").splitlines()[-1][:200])
    return done.stdout.strip()
