"""The proto files and their committed stubs, checked with buf and protoc themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTO = ROOT / "proto"
BUF = Path(sys.executable).parent / "buf"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the proto folder that a test may change."""
    return Path(shutil.copytree(PROTO, tmp_path / "proto"))


def test_a_stale_stub_is_named(changed: Path) -> None:
    source = changed / "mltest/v1/agent.proto"
    source.write_text(
        source.read_text().replace("string kernel = 8;", "string kernel = 8;\n  // New.\n  bool new = 99;")
    )
    done = run(sys.executable, changed / "generate.py", "--check")
    assert done.returncode == 1
    assert "stale: proto/mltest/v1/agent_pb2.py" in done.stderr


def test_a_stub_without_a_proto_file_is_named(changed: Path) -> None:
    (changed / "mltest/v1/gone_pb2.py").write_text("")
    done = run(sys.executable, changed / "generate.py", "--check")
    assert done.returncode == 1
    assert "gone_pb2.py" in done.stderr


def test_a_field_without_a_comment_is_refused(changed: Path) -> None:
    source = changed / "mltest/v1/agent.proto"
    source.write_text(source.read_text().replace("  // Kernel release.\n", ""))
    done = run(BUF, "lint", changed)
    assert done.returncode != 0
    assert "kernel" in done.stdout


def test_the_breaking_check_lets_an_addition_pass(changed: Path) -> None:
    source = changed / "mltest/v1/agent.proto"
    source.write_text(
        source.read_text().replace("string kernel = 8;", "string kernel = 8;\n  // New.\n  bool new = 99;")
    )
    assert run(BUF, "breaking", changed, "--against", PROTO).returncode == 0


def test_the_breaking_check_refuses_a_changed_type(changed: Path) -> None:
    source = changed / "mltest/v1/visit.proto"
    source.write_text(source.read_text().replace("uint64 slice_ns = 3;", "double slice_ns = 3;"))
    done = run(BUF, "breaking", changed, "--against", PROTO)
    assert done.returncode != 0
    assert "slice_ns" in done.stdout
