"""After everything was done once, no secret is anywhere but in files that only their owner may read."""

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from zeroconf import IPVersion
from zeroconf.asyncio import AsyncZeroconf

from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobState
from mltest.shared.naming import SERVICE_TYPE, instance_name
from mltest.shared.trust.invitation import decode_invitation
from mltest.shared.trust.local_peers import FOLDER_VARIABLE
from tests.integration.jobs import all_events, job_spec
from tests.models import ModelFiles
from tests.processes import BIN, ProcessGroup, Running

pytestmark = [pytest.mark.xdist_group("trust"), pytest.mark.promise(9)]


def needles(text: str, *keys: str) -> list[str]:
    """Return every form in which the secret of an invitation or a private key would show."""
    secret = decode_invitation(text).secret
    bodies = ["".join(key.partition("PRIVATE KEY-----\n")[2].partition("-----END")[0].split())[40:80] for key in keys]
    # The secret stands at the end of the pasted string, before its check bytes.
    return [secret.hex(), repr(secret)[2:-1], text[-28:-8], *bodies]


def processes_of(*running: Running) -> Iterator[psutil.Process]:
    for one in running:
        process = psutil.Process(one.process.pid)
        yield process
        yield from process.children(recursive=True)


def exposed_by(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) + json.dumps(process.environ())
    except psutil.Error:
        return ""


def dump_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


async def advertised(agent_id: str) -> str:
    browser = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    try:
        info = await browser.async_get_service_info(SERVICE_TYPE, instance_name(agent_id), timeout=5000)
        assert info is not None
        return repr(info.text) + repr(info.properties)
    finally:
        await browser.async_close()


def run(home: Path, *arguments: str) -> str:
    command = [str(BIN / "mltest-coordinator"), "--state-dir", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


async def test_no_secret_leaves_the_files_of_its_owner(
    processes: ProcessGroup, tiny: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, state, keys = tmp_path / "home", tmp_path / "board", tmp_path / "client"
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "user-of-the-agent"))
    agent = processes.agent(state, "--port", "0", "--listen", "127.0.0.1", "--log-level", "debug")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "user-of-the-coordinator"))
    coordinator = processes.coordinator(home, "--port", "0", "--log-level", "debug")
    text = run(home, "invite", "--uses", "2").strip()
    joining = [str(BIN / "mltest-agent"), "join", "-", "--state-dir", str(state)]
    said = subprocess.run(joining, input=text + "\n", capture_output=True, text=True, check=True)
    client_said = run(home, "client-key", "ci", "--out", str(keys))
    record = await advertised(agent.listening["agent_id"])

    api = await open_coordinator(home, needs_to_run=False)
    job_id = await api.submit(await job_spec(api, tiny, agent.address))
    watched = asyncio.ensure_future(all_events(api, job_id))
    seen = ""
    while not watched.done():
        seen += "".join(map(exposed_by, processes_of(agent, coordinator)))
        await asyncio.wait([watched], timeout=0.3)
    job = await api.job(job_id)
    assert job.state is JobState.DONE, job.reason
    shown = run(home, "show", job_id, "--json") + run(home, "agents", "--no-discovery", "--agent", agent.address)
    shown += run(home, "trusted")
    await api.close()

    secrets = needles(text, *((folder / "trust" / "identity.pem").read_text() for folder in (home, state)))
    logs = "".join((folder / "stderr.log").read_text() for folder in (home, state))
    everything = {
        "arguments and environment": seen,
        "logs": logs,
        "output": said.stdout + said.stderr + client_said + shown,
        "mDNS": record,
        "database": dump_of(home / "store.sqlite"),
        "events": repr(watched.result()),
    }
    assert all(everything.values())
    assert [(where, needle) for where, content in everything.items() for needle in secrets if needle in content] == []
    assert_only_in_private_files(tmp_path, secrets)


def assert_only_in_private_files(folder: Path, secrets: list[str]) -> None:
    holders = set()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 10**6:
            content = path.read_bytes().decode(errors="replace").replace("\n", "")
            if any(needle in content for needle in secrets):
                holders.add(path)
    assert {path.name for path in holders if path.suffix == ".pem"} == {"identity.pem"}
    # The invitation has a use left, so that the coordinator keeps its secret; the agent has erased it.
    assert [path.parent.name for path in holders if path.suffix == ".json"] == ["invitations"]
    assert len(holders) == 3
    for path in holders:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path.parent
    assert os.geteuid() == next(iter(holders)).stat().st_uid
