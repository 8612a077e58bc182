"""A runtime of no library, as wheels that pip installs without any network."""

import zipfile
from pathlib import Path

from mltest.agent.runtimes.role import RuntimeNeeds

NEEDS = RuntimeNeeds(
    name="tiny", formats=("tiny",), packages=("tinyruntime",), modules=("tinyruntime",), extra="", is_apart=True
)


def write_wheel(folder: Path, version: str, *, code: str = "", tag: str = "py3-none-any", requires: str = "") -> None:
    """Write a wheel of the package into `folder`."""
    folder.mkdir(exist_ok=True)
    info = f"tinyruntime-{version}.dist-info"
    needed = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"tinyruntime-{version}-{tag}.whl", "w") as wheel:
        wheel.writestr("tinyruntime.py", code)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tinyruntime\nVersion: {version}\n{needed}")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
