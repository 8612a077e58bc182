import asyncio
import os
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from mltest.shared.errors import RequestInvalidError, StoreBusyError
from mltest.shared.notify import READY, feed_watchdog, notify, watchdog_interval_s
from mltest.shared.state import default_state_folder, locked_state
from mltest.shared.status import next_step_of

HOLD = """
import sys
from pathlib import Path
from mltest.shared.state import locked_state
with locked_state(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_systemd_says_where_state_is_kept() -> None:
    environment = {"STATE_DIRECTORY": "/var/lib/mltest-agent:/var/lib/other", "XDG_STATE_HOME": "/x"}
    assert default_state_folder("agent-lab-1", environment) == Path("/var/lib/mltest-agent")


def test_a_user_keeps_state_below_the_home_directory() -> None:
    assert default_state_folder("agent-lab-1", {"XDG_STATE_HOME": "/x"}) == Path("/x/mltest/agent-lab-1")
    assert default_state_folder("coordinator", {}) == Path.home() / ".local/state/mltest/coordinator"


def test_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    with locked_state(tmp_path / "state"):
        assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_two_processes_never_share_state(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(StoreBusyError, match=f"process {other.pid}"), locked_state(tmp_path):
            pass
        other.communicate("")
    with locked_state(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_state_that_cannot_be_kept_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestInvalidError, match="file") as refused, locked_state(tmp_path / "file"):
        pass
    assert "--state-dir" in next_step_of(refused.value)


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify(READY)
        assert manager.recv(100) == b"READY=1"


def test_systemd_is_told_by_an_abstract_name(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"mltest-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        notify(READY)
        assert manager.recv(100) == b"READY=1"


def test_nobody_is_told_without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify(READY)


@pytest.mark.parametrize(
    ("limit_us", "pid", "expected_s"),
    [("60000000", None, 30.0), ("60000000", "1", None), ("", None, None), ("0", None, None), ("soon", None, None)],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_wants(
    monkeypatch: pytest.MonkeyPatch, limit_us: str, pid: str | None, expected_s: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", limit_us)
    monkeypatch.setenv("WATCHDOG_PID", pid or str(os.getpid()))
    assert watchdog_interval_s() == expected_s


@pytest.mark.promise(43)
async def test_a_loop_that_hangs_feeds_no_watchdog_until_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    hangs, goes_on = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        goes_on.wait()

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        loop = asyncio.new_event_loop()
        serving = threading.Thread(target=loop.run_until_complete, args=(_fed_until_told(),))
        serving.start()
        assert [await asyncio.to_thread(systemd.recv, 100) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        loop.call_soon_threadsafe(hang)
        await asyncio.to_thread(hangs.wait)
        _drain(systemd)
        systemd.settimeout(0.5)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(systemd.recv, 100)
        systemd.settimeout(30)
        goes_on.set()
        assert await asyncio.to_thread(systemd.recv, 100) == b"WATCHDOG=1"
        loop.call_soon_threadsafe(asyncio.Task.cancel, next(iter(asyncio.all_tasks(loop))))
        await asyncio.to_thread(serving.join)
        loop.close()


async def _fed_until_told() -> None:
    with suppress(asyncio.CancelledError):
        await feed_watchdog()


def _drain(systemd: socket.socket) -> None:
    systemd.setblocking(False)
    with suppress(BlockingIOError):
        while systemd.recv(100):
            pass
