"""The helper that reads energy counters, as a process with a socket that somebody passes to it."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.agent.meters.processor import read_processor
from mltest.agent.meters.rapl_powercap import PowercapMeter, RaplPowercap
from mltest.agent.meters.role import MeterSite, Unavailable
from mltest.agent.power.client import PowerClient
from mltest.agent.power.powerd import MAX_CLIENTS
from mltest.shared.errors import MeterUnreadableError, PowerUnreadableError
from tests.processes import BIN

# What systemd does before it starts a program: descriptor 3 listens, and the variables name it (sd_listen_fds(3)).
_PASS = "import os, sys; os.dup2(0, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
_PASS += "os.execv(sys.argv[1], sys.argv[1:])"


@pytest.fixture
def helper(tmp_path: Path) -> Iterator[Path]:
    """A helper that reads a made tree; yields its socket."""
    zone = tmp_path / "sys/class/powercap/intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "energy_uj").write_text("5000\n")
    (zone / "max_energy_range_uj").write_text("9000\n")
    path = tmp_path / "powerd.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        program = [str(BIN / "mltest-agent"), "powerd", "--root", str(tmp_path)]
        process = subprocess.Popen([sys.executable, "-c", _PASS, *program], stdin=listener.fileno())
    yield path
    process.terminate()
    assert process.wait(timeout=60) == 0


def test_a_client_reads_domains_and_counters(helper: Path) -> None:
    client = PowerClient.connect(helper)

    (domain,) = client.domains()
    first = client.read(domain.name)
    (helper.parent / "sys/class/powercap/intel-rapl:0/energy_uj").write_text("6000\n")
    second = client.read(domain.name)

    assert (domain.name, domain.label, domain.max_energy_uj) == ("intel-rapl:0", "package-0", 9000)
    assert (first.energy_uj, second.energy_uj) == (5000, 6000)
    assert first.begin_monotonic_ns <= first.end_monotonic_ns <= second.begin_monotonic_ns
    client.close()


def test_a_counter_that_is_not_there_is_absent_with_the_reason(helper: Path) -> None:
    client = PowerClient.connect(helper)

    reading = client.read("intel-rapl:9")

    assert (reading.energy_uj, reading.absent) == (None, "there is no such domain")
    client.close()


@pytest.mark.parametrize("bytes_", [b"what?\n", b"x" * 4096, b"\n", b"read a b c\n"])
async def test_who_asks_nonsense_is_hung_up_on_and_others_are_served(helper: Path, bytes_: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(helper)
    writer.write(bytes_)
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    writer.close()

    client = PowerClient.connect(helper)
    assert len(client.domains()) == 1
    client.close()


def test_clients_beyond_the_limit_are_hung_up_on(helper: Path) -> None:
    clients = [PowerClient.connect(helper) for _ in range(MAX_CLIENTS)]
    for client in clients:
        client.domains()
    one_more = PowerClient.connect(helper)

    with pytest.raises(PowerUnreadableError, match="cannot be used"):
        one_more.domains()

    assert len(clients[0].domains()) == 1
    for client in (*clients, one_more):
        client.close()


def test_several_counters_are_read_in_one_round_trip(helper: Path) -> None:
    client = PowerClient.connect(helper)

    found = client.read_all(("intel-rapl:0", "intel-rapl:9", "intel-rapl:0"))

    assert [one.energy_uj for one in found] == [5000, None, 5000]
    client.close()


def test_the_meter_asks_the_helper_for_what_it_may_not_read(helper: Path, tmp_path: Path) -> None:
    # The same machine seen by an agent: its counter cannot be read, but the helper's socket is there.
    seen = tmp_path / "agent"
    zone = seen / "sys/class/powercap/intel-rapl:0"
    (zone / "energy_uj").mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text("9000\n")
    (seen / "run/mltest").mkdir(parents=True)
    (seen / "run/mltest/powerd.sock").symlink_to(helper)

    (meter,) = RaplPowercap().discover(MeterSite(root=seen))
    assert not isinstance(meter, Unavailable)
    meter.open()
    reading = meter.read()
    meter.close()

    assert meter.spec.source.endswith("through powercap, by mltest-powerd")
    assert reading.values == {"cpu.package-0": 0.005}


def test_a_helper_that_ends_makes_the_meter_unreadable_and_never_zero(helper: Path, tmp_path: Path) -> None:
    client = PowerClient.connect(helper)
    (domain,) = client.domains()
    meter = PowercapMeter(read_processor(tmp_path), (domain,), lambda: client, "powercap, by mltest-powerd")
    meter.open()
    client._connection.shutdown(socket.SHUT_RDWR)

    with pytest.raises(MeterUnreadableError, match=r"it does not answer|Broken pipe"):
        meter.read()
    meter.close()


def test_a_missing_helper_is_an_error_that_names_the_socket(tmp_path: Path) -> None:
    with pytest.raises(PowerUnreadableError, match=r"powerd\.sock, .*: No such file or directory"):
        PowerClient.connect(tmp_path / "powerd.sock")


def test_without_systemd_it_says_what_starts_it() -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LISTEN_")}
    done = subprocess.run([BIN / "mltest-agent", "powerd"], env=variables, capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert "systemctl enable --now mltest-powerd.socket" in done.stderr
