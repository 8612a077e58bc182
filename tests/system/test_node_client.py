"""A client in another language, which has nothing of mltest but the proto folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mltest.coordinator.trust import make_client_key, untrust
from tests.integration.jobs import ONE_ROUND
from tests.models import ModelFiles
from tests.processes import ProcessGroup

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "examples" / "nodejs"
MODULES = ROOT / "build" / "nodejs"

pytestmark = [
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing; apt-get install nodejs npm makes it run"),
    pytest.mark.xdist_group("node"),
]


@pytest.fixture(scope="module")
def client() -> Path:
    """The client with its dependencies from the npm registry, kept below build/ between runs."""
    MODULES.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "submit.js"):
        shutil.copy(CLIENT / name, MODULES / name)
    if not (MODULES / "node_modules" / "@grpc" / "grpc-js").is_dir():
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=MODULES, check=True, capture_output=True, text=True)
    return MODULES / "submit.js"


def key_of(home: Path) -> Path:
    """A key that the coordinator on `home` has made for this client."""
    make_client_key(home, "node", home / "key")
    return home / "key"


def submit(client: Path, *arguments: object, key: Path, plan: str = ONE_ROUND) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "MLTEST_PROTO": str(ROOT / "proto"),
        "MLTEST_PLAN": plan,
        "MLTEST_KEY": str(key),
    }
    return subprocess.run(
        ["node", str(client), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_node_client_uploads_submits_watches_and_reads_the_table(
    client: Path, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.agent(tmp_path / "agent", "--port", "0", "--no-advertise", "--name", "lab-1")
    coordinator = processes.coordinator(tmp_path / "home", "--port", "0")
    done = submit(client, coordinator.address, tiny.model, tiny.data, agent.address, key=key_of(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert "JOB_STATE_DONE" in done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[3] for row in rows] == ["STANDING_RANKED"]
    assert {row[2] for row in rows} == {"lab-1"}


def test_a_node_client_gets_the_error_code_and_the_next_step(
    client: Path, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    coordinator = processes.coordinator(tmp_path / "home", "--port", "0")
    key = key_of(tmp_path / "home")
    done = submit(client, coordinator.address, tiny.model, tiny.data, "127.0.0.1:1", key=key, plan="[jobs]\n")
    assert done.returncode == 1
    assert "error:" in done.stderr
    assert "next:" in done.stderr


def test_a_node_client_whose_key_was_revoked_gets_nothing(
    client: Path, tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    coordinator = processes.coordinator(tmp_path / "home", "--port", "0")
    key = key_of(tmp_path / "home")
    untrust(tmp_path / "home", "node")
    done = submit(client, coordinator.address, tiny.model, tiny.data, key=key)
    assert done.returncode == 1
    assert [path for path in (tmp_path / "home" / "blobs").rglob("*") if path.is_file()] == []
    assert "error:" in done.stderr
