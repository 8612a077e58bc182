"""A coordinator in the background, for jobs that go on when the command has returned."""

import asyncio
import sys
from pathlib import Path

from mltest.coordinator.home import open_coordinator
from mltest.coordinator.remote import RemoteCoordinator
from mltest.shared.errors import CoordinatorUnreachableError

_START_TIMEOUT_S = 30.0
_LOG_NAME = "serve.log"


async def ensure_served(state_dir: Path) -> None:
    """Return when a coordinator serves on `state_dir`; one that is started for it ends when it has nothing to do.

    Raises:
        CoordinatorUnreachableError: it did not start; its log is named.

    """
    if await _is_served(state_dir):
        return
    log = state_dir / _LOG_NAME
    with log.open("ab") as stream:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mltest.coordinator.cli", "serve", "--exit-when-idle", "--port", "0"),
            *("--state-dir", str(state_dir)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stream,
            # The terminal's Ctrl-C is not for it, and it outlives this process.
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            is_listening = bool(await process.stdout.readline())
    except TimeoutError:
        process.kill()
        is_listening = False
    if not is_listening and not await _is_served(state_dir):
        raise CoordinatorUnreachableError(
            address=state_dir, detail="it did not start in the background", next_step=f"see {log}"
        )


async def _is_served(state_dir: Path) -> bool:
    api = await open_coordinator(state_dir, needs_to_run=False)
    try:
        return isinstance(api, RemoteCoordinator)
    finally:
        await api.close()
