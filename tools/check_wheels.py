"""Resolve what an agent needs for aarch64 from wheels alone, and say what that is.

Nothing is installed and nothing runs: this shows that a board needs no compiler to install an agent with its runtimes.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
"""glibc 2.28 and later: Debian 10, Ubuntu 20.04, Raspberry Pi OS, JetPack 5 and 6."""
PYTHONS = ("3.11", "3.12", "3.13")


def main() -> int:
    """Print one line for each Python; the exit code is 1 if one cannot be resolved."""
    with tempfile.TemporaryDirectory() as folder:
        own = _own_wheel(Path(folder))
        resolved = [_resolves(own, python, Path(folder)) for python in PYTHONS]
    return 0 if all(resolved) else 1


def _own_wheel(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)],
        check=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def _resolves(own: Path, python: str, folder: Path) -> bool:
    report = folder / f"report-{python}.json"
    platforms = [argument for platform in PLATFORMS for argument in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--only-binary=:all:", "--python-version", python, "--implementation", "cp", *platforms]
    command += ["--target", str(folder / "nowhere"), "--report", str(report)]
    done = subprocess.run([*command, f"{own}[agent,runtimes-all]"], check=False)
    if done.returncode != 0:
        sys.stdout.write(f"Python {python} on aarch64: does not resolve from wheels\n")
        return False
    installs = json.loads(report.read_text())["install"]
    names = sorted(f"{item['metadata']['name']} {item['metadata']['version']}" for item in installs)
    sys.stdout.write(f"Python {python} on aarch64: {len(names)} wheels: {', '.join(names)}\n")
    return True


if __name__ == "__main__":
    raise SystemExit(main())
