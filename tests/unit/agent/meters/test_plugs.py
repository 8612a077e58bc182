"""Plugs on the local network, asked over real HTTP."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mltest.agent.meters import local_http
from mltest.agent.meters.local_http import LocalDevice
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import Meter, MeterSite
from mltest.agent.meters.visit_meters import chosen_meters
from mltest.shared.energy.boundary import boundaries
from mltest.shared.energy.meter_spec import MeterKind
from mltest.shared.energy.reading import Absent, Window
from mltest.shared.energy.window_energy import window_energy
from mltest.shared.errors import MeterUnreadableError

NOTHING = Path("/nonexistent")
SHELLY = {"id": 0, "output": True, "apower": 61.2, "aenergy": {"total": 1234.567}}
TASMOTA = {"StatusSNS": {"ENERGY": {"Total": 1.234, "Power": 61}}}


class PlugServer(ThreadingHTTPServer):
    """One plug; its answer by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, bytes] = {
            "/rpc/Switch.GetStatus?id=0": json.dumps(SHELLY).encode(),
            "/cm?cmnd=status%2010": json.dumps(TASMOTA).encode(),
        }
        self.status = 200

    def say(self, answer: object) -> None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.answers = dict.fromkeys(self.answers, content)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: PlugServer

    def do_GET(self) -> None:  # the library's name
        content = self.server.answers[self.path]
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def plug() -> Iterator[PlugServer]:
    """A plug of both makers."""
    server = PlugServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def meter_of(kind: str, plug: PlugServer) -> Meter:
    (meter,) = discovered(MeterSite(root=NOTHING, plugs=(f"{kind}={plug.address}",))).meters
    return meter


def test_a_shelly_counts_joules(plug: PlugServer) -> None:
    meter = meter_of("shelly", plug)

    assert meter.read().values == {"wall": pytest.approx(1234.567 * 3600)}
    assert (meter.spec.kind, meter.spec.domains[0].resolution) == (MeterKind.COUNTER, 3.6)


def test_a_tasmota_tells_watts(plug: PlugServer) -> None:
    meter = meter_of("tasmota", plug)

    assert meter.read().values == {"wall": 61.0}
    assert (meter.spec.kind, meter.spec.domains[0].resolution) == (MeterKind.POWER, 1.0)
    assert meter.spec.lag_s == 1.0


def test_a_plug_whose_counter_was_reset_gives_no_joules(plug: PlugServer) -> None:
    meter = meter_of("shelly", plug)
    first = meter.read()
    plug.say({**SHELLY, "aenergy": {"total": 0.0}})
    second = meter.read()

    found = window_energy(
        boundaries(meter.spec)[0], [first, second], Window(begin_ns=first.end_ns, end_ns=second.begin_ns)
    )

    assert found == Absent("the counter wall started again")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"aenergy": 5, "StatusSNS": 5},
        {"aenergy": {"total": -1}, "StatusSNS": {"ENERGY": {"Power": -1}}},
        {"aenergy": {"total": True}, "StatusSNS": {"ENERGY": {"Power": True}}},
        b'{"aenergy": {"total": 1' + b"0" * 400 + b'}, "StatusSNS": {"ENERGY": {"Power": 1' + b"0" * 400 + b"}}}",
        {"aenergy": {"total": "7"}, "StatusSNS": {"ENERGY": {"Power": "7"}}},
        b'{"aenergy": {"total": NaN}, "StatusSNS": {"ENERGY": {"Power": NaN}}}',
        b"<html>",
        b"[" * 50_000,
        b" " * 70_000,
    ],
)
@pytest.mark.parametrize("kind", ["shelly", "tasmota"])
def test_nonsense_is_no_number(plug: PlugServer, kind: str, answer: object) -> None:
    meter = meter_of(kind, plug)
    plug.say(answer)

    with pytest.raises(MeterUnreadableError):
        meter.read()


def test_a_plug_that_refuses_is_unavailable_with_the_reason(plug: PlugServer) -> None:
    plug.status = 401

    found = discovered(MeterSite(root=NOTHING, plugs=(f"shelly={plug.address}",)))

    (refused,) = (one for one in found.unavailable if one.meter == "shelly")
    assert f"{plug.address}: it answers 401" in refused.reason
    assert refused.remedy.startswith("curl http://127.0.0.1:")


@pytest.mark.parametrize("address", ["8.8.8.8", "0.0.0.0", "93.184.216.34:80", "[2606:2800:220:1::1]:80"])
def test_nothing_beyond_the_local_network_is_asked(address: str) -> None:
    with pytest.raises(MeterUnreadableError, match="not on the local network"):
        LocalDevice("shelly", address).answer("/")


@pytest.mark.parametrize("address", ["", "host/../x", "a b", "host:99999", "host:x", "user@host", "x\r\nHost: y"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(MeterUnreadableError, match="is no address"):
        LocalDevice("shelly", address)


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Answers one connection with bytes of a test's own."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as pool:

        def answering(answer: Callable[[socket.socket], None]) -> str:
            def serve() -> None:
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    connection.recv(65536)
                    answer(connection)

            pool.submit(serve)
            return f"127.0.0.1:{server.getsockname()[1]}"

        yield answering


def test_a_plug_that_sends_a_byte_now_and_then_holds_nobody(
    raw: Callable[[Callable[[socket.socket], None]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_http, "TIMEOUT_S", 0.3)
    is_left = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not is_left.wait(0.02):
            connection.sendall(b"x")

    with pytest.raises(MeterUnreadableError, match="timed out"):
        LocalDevice("shelly", raw(drip)).answer("/")
    is_left.set()


def test_what_is_no_plug_says_nothing_to_the_terminal(
    raw: Callable[[Callable[[socket.socket], None]], str],
) -> None:
    with pytest.raises(MeterUnreadableError) as caught:
        LocalDevice("shelly", raw(lambda connection: connection.sendall(b"\x1b[31mSSH-2.0\r\n"))).answer("/")

    assert caught.value.message.isprintable()


def test_a_kind_of_plug_that_nobody_knows_is_named() -> None:
    found = discovered(MeterSite(root=NOTHING, plugs=("shely=192.168.1.20",)))

    (mistyped,) = (one for one in found.unavailable if one.meter == "shely")
    assert "no kind of meter is called 'shely'" in mistyped.reason
    assert "shelly" in mistyped.reason


def test_two_plugs_are_not_both_all_of_a_machine(plug: PlugServer, tmp_path: Path) -> None:
    named = (f"shelly={plug.address}", f"tasmota={plug.address}")

    both = discovered(MeterSite(root=NOTHING, plugs=named))
    chosen = chosen_meters(MeterSite(root=NOTHING, plugs=named), (), "", tmp_path)

    told = {one.meter: one for one in both.unavailable if "one of 2 plugs" in one.reason}
    assert both.meters == chosen.meters == (), "neither may be the one that counts"
    assert set(told) == {"shelly", "tasmota"}
    assert all("MLTEST_PLUGS" in one.remedy and plug.address in one.reason for one in told.values())
    assert {one.meter for one in chosen.absent} == set(told), "a job tells of it as well"
