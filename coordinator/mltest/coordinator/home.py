"""Where a coordinator lives: exactly one process runs jobs on a state directory, and serves everybody else.

That process holds the lock of the directory and listens on a socket below it; whoever comes later talks to it there.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.engine import Coordinator, CoordinatorOptions
from mltest.coordinator.remote import RemoteCoordinator
from mltest.coordinator.server import CoordinatorServer, check_listen
from mltest.coordinator.socket_file import read_address
from mltest.shared.errors import StoreBusyError
from mltest.shared.state import locked_state

DEFAULT_PORT = 50770
_CONNECT_S = 2.0
_PATIENCE_S = 10.0
"""How long a process that is just starting or ending is waited for."""
_RETRY_S = 0.1
_GLANCE_S = 2.0
"""Whoever only looks whether somebody serves holds the lock for an instant: a daemon that starts then tries again."""
_IDLE_S = 10.0
"""How long a coordinator that exits when idle waits for a first or a next job."""


async def open_coordinator(state_dir: Path, *, needs_to_run: bool) -> CoordinatorApi:
    """Return the coordinator that serves on `state_dir`, or one in this process.

    Args:
        state_dir: state directory; it is made if it is missing.
        needs_to_run: whether jobs are to be submitted or resumed: then one in this process holds the lock until it is
            closed, serves other processes meanwhile, and closing it waits for jobs that those have started.

    Raises:
        StoreBusyError: another process holds the lock, but does not serve.

    """
    state_dir = _absolute(state_dir)
    deadline_s = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        try:
            if needs_to_run:
                return await HomeCoordinator.settle(state_dir)
            with locked_state(state_dir):
                pass
            return await Coordinator.open(state_dir, runs_jobs=False)
        except StoreBusyError:
            if (remote := await _served(state_dir)) is not None:
                return remote
            if asyncio.get_running_loop().time() > deadline_s:
                raise
        await asyncio.sleep(_RETRY_S)


async def serve(
    state_dir: Path,
    *,
    listen: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    insecure: bool = False,
    exit_when_idle: bool = False,
    options: CoordinatorOptions | None = None,
    stop: asyncio.Event | None = None,
    on_listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until `stop` is set; jobs that were left unfinished are resumed, also those that this call interrupts.

    Args:
        state_dir: state directory; it is made if it is missing.
        listen: IP address, or "localhost".
        port: TCP port; 0 for a free one.
        insecure: whether it serves every user of this machine, in the clear; on loopback only.
        exit_when_idle: whether to return when no job has run for a while.
        options: bounds of the coordinator.
        stop: set to end it.
        on_listening: called with host:port once it listens.

    Raises:
        NotPermittedError: `listen` is off loopback, and `insecure` is set.
        RequestInvalidError: nobody can listen there.
        StoreBusyError: another process runs jobs there.

    """
    check_listen(listen, is_insecure=insecure)
    stop = stop or asyncio.Event()
    options = replace(options or CoordinatorOptions(), is_daemon=True)
    coordinator = await HomeCoordinator.settle(
        _absolute(state_dir), listen=listen, port=port, is_insecure=insecure, options=options
    )
    ends: list[asyncio.Future[object]] = [asyncio.ensure_future(stop.wait())]
    try:
        await coordinator.listen_for_agents()
        on_listening(coordinator.tcp_address)
        if exit_when_idle:
            ends.append(asyncio.ensure_future(coordinator.long_idle()))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
        await coordinator.close()


class HomeCoordinator(Coordinator):
    """A coordinator that holds the lock of its state directory and serves there."""

    _server: CoordinatorServer
    _lock: ExitStack

    @classmethod
    async def settle(
        cls,
        folder: Path,
        *,
        listen: str = "",
        port: int = 0,
        is_insecure: bool = False,
        options: CoordinatorOptions | None = None,
    ) -> "HomeCoordinator":
        """Take the lock, open the coordinator, and serve on the socket; also on the network if `listen` is given.

        Raises:
            StoreBusyError: another process has the lock.
            RequestInvalidError: nobody can listen there.

        """
        with ExitStack() as lock:
            await _lock(lock, folder, patience_s=_GLANCE_S if options and options.is_daemon else 0.0)
            coordinator = await cls.open(folder, runs_jobs=True, options=options)
            try:
                coordinator._server = await CoordinatorServer.start(
                    coordinator, folder, listen=listen, port=port, is_insecure=is_insecure
                )
            except BaseException:
                await Coordinator.close(coordinator)
                raise
            coordinator._lock = lock.pop_all()
        return coordinator

    @property
    def tcp_address(self) -> str:
        """host:port; empty if it listens on the socket only."""
        return self._server.tcp_address

    async def long_idle(self) -> None:
        """Return when no job has run for a while."""
        while True:
            await self.idle()
            await asyncio.sleep(_IDLE_S)
            if self.is_idle:
                return

    async def close(self) -> None:
        """Let jobs of other processes finish, unless this is a daemon; then end what runs, and free the directory."""
        try:
            if not self.options.is_daemon:
                await self.idle(self._server.guest_jobs)
        finally:
            await self.stop_jobs()
            await self._server.stop()
            await super().close()
            self._lock.close()


async def _lock(lock: ExitStack, folder: Path, *, patience_s: float) -> None:
    """Take the lock of `folder`; `StoreBusyError` if another process still has it after `patience_s`."""
    deadline_s = asyncio.get_running_loop().time() + patience_s
    while True:
        try:
            lock.enter_context(locked_state(folder))
        except StoreBusyError:
            if asyncio.get_running_loop().time() >= deadline_s:
                raise
            await asyncio.sleep(_RETRY_S)
        else:
            return


def _absolute(state_dir: Path) -> Path:
    """Return `state_dir` as child processes see it, which work in folders of their own."""
    return state_dir.absolute()


async def _served(state_dir: Path) -> RemoteCoordinator | None:
    """Return the coordinator that serves on `state_dir`; None if nobody answers there."""
    address = read_address(state_dir)
    if address is None:
        return None
    remote = RemoteCoordinator(address)
    if await remote.is_ready(_CONNECT_S):
        return remote
    await remote.close()
    return None
