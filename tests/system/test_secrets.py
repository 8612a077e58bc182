"""After a job of an agent that was enrolled, no secret is anywhere but in the one file of its owner."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.agent.joining import join
from mltest.coordinator.trust import invite
from mltest.shared.trust.local_peers import FOLDER_VARIABLE
from tests.processes import ProcessGroup
from tests.system.chaos.following import followed
from tests.system.chaos.tiny_jobs import submit_tiny, tiny_files

pytestmark = [pytest.mark.promise(9), pytest.mark.xdist_group("secrets")]

DEADLINE_S = 240.0
KEY_FILE = "identity.pem"
NAMED_FILES = {KEY_FILE, "lock"}


def key_lines(state: Path) -> set[bytes]:
    """Return the lines of the private key of a process."""
    text = (state / "trust" / KEY_FILE).read_bytes()
    body = text.split(b"PRIVATE KEY-----")[1].split(b"-----END")[0]
    return set(body.split())


def secret_of(invitation: str) -> bytes:
    """Return the 16 bytes before the last 4 of the decoded word, which are its check."""
    word = invitation.removeprefix("mltest1-")
    return base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))[-20:-4]


def forms_of(secret: bytes) -> set[bytes]:
    """Return a secret as programs write it."""
    return {secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret).rstrip(b"=")}


def processes_below(folder: Path) -> Iterator[bytes]:
    """Yield what everybody may read of each process that works for this test: its command line and environment."""
    for entry in Path("/proc").iterdir():
        try:
            line, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            is_ours = str(folder).encode() in line or (entry / "cwd").readlink().is_relative_to(folder)
        except OSError:
            continue
        if is_ours:
            yield line + environment


def leaks(folder: Path, secrets: set[bytes]) -> list[str]:
    """Return the files below `folder` with a secret in them, besides those that are for it."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in NAMED_FILES]
    return [str(path) for path in files if any(secret in path.read_bytes() for secret in secrets)]


async def test_no_secret_is_in_a_file_a_log_or_a_command_line(processes: ProcessGroup, tmp_path: Path) -> None:
    home, state = tmp_path / "home", tmp_path / "left"
    home.mkdir()
    state.mkdir()
    invitation = invite(home, uses=1, ttl_s=600.0)
    # Until it is used, the coordinator's file has it: the search finds what is there.
    assert leaks(tmp_path, forms_of(secret_of(invitation))) != []
    join(state, invitation)
    # As on another machine: local pairing would make the invitation needless.
    elsewhere = ["env", f"{FOLDER_VARIABLE}={tmp_path / 'peers'}"]
    agent = processes.agent(state, "--port", "0", "--no-advertise", "--name", "left", host=elsewhere)
    coordinator = processes.coordinator(home, "--port", "0")
    secrets = {invitation.encode(), *forms_of(secret_of(invitation)), *key_lines(home), *key_lines(state)}
    job_id = await submit_tiny(home, tiny_files(tmp_path / "files"), [agent.address])
    seen = []
    async with asyncio.timeout(DEADLINE_S), followed(home, job_id) as progress:
        await progress.is_measuring.wait()
        seen = list(processes_below(tmp_path))
        await progress.is_over.wait()
    assert len(seen) >= 3
    assert [text for text in seen if any(secret in text for secret in secrets)] == []
    assert not any(
        secret.decode(errors="replace") in str(one.listening) for one in (agent, coordinator) for secret in secrets
    )
    assert leaks(tmp_path, secrets) == []
    for keys in (home, state):
        assert (keys / "trust" / KEY_FILE).stat().st_mode & 0o077 == 0
