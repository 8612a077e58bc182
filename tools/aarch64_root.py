"""Make build/aarch64: the files of an aarch64 machine with Python and what an agent needs, to be run by qemu-aarch64.

Python comes as packages of Debian for arm64, unpacked and not installed; the rest as wheels, pinned in constraints.txt.
It takes apt-get and dpkg-deb, but no rights: package lists and cache are below build/aarch64-apt.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "aarch64"
APT = ROOT / "build" / "aarch64-apt"
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
PACKAGES = ("python3-minimal", "libpython3-stdlib", "libstdc++6")
"""Python of this Debian, with its whole standard library."""

_CONFIG = """\
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "";
Dir::State "{apt}/state";
Dir::State::status "{apt}/status";
Dir::Cache "{apt}/cache";
"""


def main() -> int:
    """Make it anew where it is not complete; print where it is."""
    if not (FOLDER / "complete").exists():
        _unpack_python()
        _install_wheels()
        (FOLDER / "complete").touch()
    sys.stdout.write(f"{FOLDER}\n")
    return 0


def _unpack_python() -> None:
    for folder in (APT / "state/lists/partial", APT / "cache/archives/partial", FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
    (APT / "status").touch()
    config = APT / "apt.conf"
    config.write_text(_CONFIG.format(apt=APT))
    variables = os.environ | {"APT_CONFIG": str(config), "DEBIAN_FRONTEND": "noninteractive"}
    _run("apt-get", "--quiet", "update", env=variables)
    install = ("apt-get", "--quiet", "--yes", "--download-only", "--no-install-recommends", "install")
    _run(*install, *PACKAGES, env=variables)
    for package in sorted((APT / "cache/archives").glob("*.deb")):
        _run("dpkg-deb", "--extract", str(package), str(FOLDER))


def _install_wheels() -> None:
    python = next((FOLDER / "usr/bin").glob("python3.[0-9]*")).name
    version = python.removeprefix("python")
    target = FOLDER / "usr/local/lib" / python / "dist-packages"
    platforms = [argument for platform in PLATFORMS for argument in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--only-binary=:all:", *platforms]
    command += ["--implementation", "cp", "--python-version", version, "--constraint", str(ROOT / "constraints.txt")]
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(APT), str(ROOT))
    (wheel,) = sorted(APT.glob("mltest_fleet-*.whl"))[-1:]
    _run(*command, "--target", str(target), f"{wheel}[agent]")
    # Tests run the checkout; what stays is that the software is installed.
    shutil.rmtree(target / "mltest")


def _run(*command: str, env: dict[str, str] | None = None) -> None:
    subprocess.run(command, check=True, env=env, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    raise SystemExit(main())
