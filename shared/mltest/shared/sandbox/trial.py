"""Tries whether the walls around a child hold here: a kernel may lack some, or accept a limit and not keep it."""

import logging
import socket
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from mltest.shared.children.child import Child, ChildLimits, Confinement
from mltest.shared.children.child_side import WALLS
from mltest.shared.children.frames import Frame
from mltest.shared.children.process_tree import is_alive
from mltest.shared.domain import SandboxInfo
from mltest.shared.errors import MltestError
from mltest.shared.sandbox.level import sandbox_level

_LOG = logging.getLogger(__name__)

_MODULE = "mltest.shared.sandbox.trial_child"
_TIMEOUT_S = 60.0
_CANARY = "canary"
_SURVIVING = "outliving the job"
_LIMITS = ChildLimits(memory_bytes=512 << 20, file_bytes=8 << 20, cpu_s=30, confinement=Confinement.MODEL)


class Spawn(Protocol):
    """Starts the child where workers are started, in a folder of its own."""

    async def __call__(self, module: str, *, limits: ChildLimits) -> Child:
        """Return the child that runs `module`."""
        ...


async def tried_sandbox(folder: Path, spawn: Spawn) -> SandboxInfo:
    """Return what holds a confined child that `spawn` starts; files are made below `folder` and removed again."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as below:
            walls, passed = await _tried(Path(below), spawn)
    except (MltestError, OSError, KeyError, TypeError) as error:
        return sandbox_level((), (), f"trying it failed: {error}")
    info = sandbox_level(walls, passed)
    if info.reason:
        _LOG.warning("the sandbox is %s here: %s", info.level.value, info.reason)
    return info


async def _tried(outside: Path, spawn: Spawn) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the walls and what got past them, as the child says and as it shows from outside."""
    canary = outside / _CANARY
    canary.write_text(_CANARY)
    canary.chmod(0o600)
    with ExitStack() as listening:
        tcp = listening.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = listening.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix = listening.enter_context(socket.socket(socket.AF_UNIX))
        unix_name = f"mltest-{uuid.uuid4().hex}"
        unix.bind("\0" + unix_name)
        unix.listen()
        target = {
            "canary": str(canary),
            "tcp_port": tcp.getsockname()[1],
            "udp_port": udp.getsockname()[1],
            "unix_name": unix_name,
            "memory_bytes": _LIMITS.memory_bytes,
            "file_bytes": _LIMITS.file_bytes,
        }
        walls, passed = await _attempted(spawn, target)
    return walls, (*passed, *(["changing other files"] if _has_changed(canary) else []))


def _has_changed(canary: Path) -> bool:
    return canary.read_text() != _CANARY or len(list(canary.parent.iterdir())) > 1


async def _attempted(spawn: Spawn, target: Frame) -> tuple[tuple[str, ...], tuple[str, ...]]:
    child = await spawn(_MODULE, limits=_LIMITS)
    try:
        walls = (await child.request({"command": WALLS}, timeout_s=_TIMEOUT_S, what="trying the sandbox"))["walls"]
        frame = {"command": "attempt", **target}
        found = await child.request(frame, timeout_s=_TIMEOUT_S, what="trying the sandbox")
    finally:
        await child.kill()
    has_survivors = any(is_alive(pid) for pid in found["escaped"])
    return tuple(map(str, walls)), (*map(str, found["passed"]), *([_SURVIVING] if has_survivors else []))
