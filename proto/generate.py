"""Regenerate the committed gRPC stubs, or say which of them are stale.

Usage: python proto/generate.py [--check]
"""

import argparse
import filecmp
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
PACKAGE = Path("mltest/v1")


def generate(out: Path) -> list[Path]:
    """Write the stubs of every proto file under `out`; return their paths relative to it."""
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / PACKAGE).glob("*.proto"))
    services = [source for source in sources if source.endswith("_service.proto")]
    _protoc([f"--python_out={out}", f"--mypy_out=quiet:{out}"], sources)
    _protoc([f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}"], services)
    return sorted(path.relative_to(out) for path in (out / PACKAGE).glob("*_pb2*"))


def _protoc(outputs: list[str], sources: list[str]) -> None:
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    plugins = [f"--plugin={path}" for path in Path(sys.executable).parent.glob("protoc-gen-mypy*")]
    status = protoc.main(["protoc", f"-I{ROOT}", f"-I{well_known}", *plugins, *outputs, *sources])
    if status != 0:
        raise SystemExit(status)


def stale() -> list[Path]:
    """Return the committed stubs that differ from what the proto files give, or have no proto file."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        wanted = generate(fresh)
        present = {path.relative_to(ROOT) for path in (ROOT / PACKAGE).glob("*_pb2*")}
        differing = {path for path in wanted if path in present and not filecmp.cmp(fresh / path, ROOT / path, False)}
    return sorted(differing | (present ^ set(wanted)))


def main() -> int:
    """Run the command line; the exit code is 1 if `--check` found stale stubs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if a stub is stale")
    if not parser.parse_args().check:
        generate(ROOT)
        return 0
    names = stale()
    for name in names:
        sys.stderr.write(f"stale: proto/{name}; run: python proto/generate.py\n")
    return 1 if names else 0


if __name__ == "__main__":
    raise SystemExit(main())
