"""The life of an agent's process: where it listens, who it is, how it is found, how it ends."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import grpc
import grpc.aio
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from zeroconf import IPVersion, ServiceListener, Zeroconf
from zeroconf.asyncio import AsyncZeroconf

from mltest.shared.domain import CandidateEnded, Outcome, VisitEnded
from mltest.shared.naming import SERVICE_TYPE, Advertisement, advertisement_from_txt, instance_name
from mltest.shared.protocol import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION
from mltest.shared.status import ERROR_CODE_KEY
from mltest.shared.trust.device_id import is_device_id
from mltest.v1 import agent_service_pb2 as pb
from tests.integration.agent_peer import (
    DEADLINE_S,
    Files,
    Peer,
    candidate,
    connected,
    long_visit,
    pickled,
    visit,
    write_files,
    write_pickle,
)
from tests.processes import BIN, ProcessGroup, Running

pytestmark = pytest.mark.xdist_group("agent")

QUIET = ("--port", "0", "--no-advertise")


@pytest.fixture
def processes() -> Iterator[ProcessGroup]:
    group = ProcessGroup()
    yield group
    group.end()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(tmp_path_factory.mktemp("files"))


def refused(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "mltest-agent"), "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def assert_ended(*found: psutil.Process) -> None:
    _, alive = psutil.wait_procs(found, timeout=DEADLINE_S)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def stderr_of(state: Path) -> str:
    return (state / "stderr.log").read_text()


def test_it_says_where_it_listens_and_who_it_is(processes: ProcessGroup, tmp_path: Path) -> None:
    listening = processes.agent(tmp_path, *QUIET, "--name", "lab-1").listening
    assert listening["event"] == "listening"
    assert listening["name"] == "lab-1"
    assert listening["address"].startswith("127.0.0.1:")
    assert is_device_id(listening["agent_id"])


def test_it_ends_well_and_soon_on_sigterm(processes: ProcessGroup, tmp_path: Path) -> None:
    times_s = [time.monotonic()]
    agent = processes.agent(tmp_path, "--port", "0")
    times_s.append(time.monotonic())
    assert agent.stop() == 0
    times_s.append(time.monotonic())
    starting_s, ending_s = (after - before for before, after in pairwise(times_s))
    assert ending_s < 5.0 + 2 * starting_s, "a busy machine is slow at both"
    assert "Traceback" not in stderr_of(tmp_path)


def test_it_ends_well_on_ctrl_c(processes: ProcessGroup, tmp_path: Path) -> None:
    agent = processes.agent(tmp_path, *QUIET)
    agent.process.send_signal(signal.SIGINT)
    assert agent.process.wait(timeout=DEADLINE_S) == 0


def test_its_identity_survives_a_restart(processes: ProcessGroup, tmp_path: Path) -> None:
    first = processes.agent(tmp_path, *QUIET)
    first.stop()
    assert processes.agent(tmp_path, *QUIET).listening["agent_id"] == first.listening["agent_id"]


@pytest.mark.promise(33)
async def test_an_epoch_is_greater_than_any_before_a_crash(processes: ProcessGroup, tmp_path: Path) -> None:
    first = processes.agent(tmp_path, *QUIET)
    async with connected(first.address) as peer:
        before = await peer.acquire()
    first.kill()
    async with connected(processes.agent(tmp_path, *QUIET).address) as peer:
        with pytest.raises(grpc.aio.AioRpcError) as fenced:
            await peer.release(before)
        assert fenced.value.code() is grpc.StatusCode.ABORTED
        assert await peer.acquire() > before


def test_a_state_directory_in_use_is_refused_with_its_owner(processes: ProcessGroup, tmp_path: Path) -> None:
    first = processes.agent(tmp_path, *QUIET)
    second = refused("--state-dir", str(tmp_path), *QUIET)
    assert second.returncode == 4
    assert f"process {first.process.pid}" in second.stderr
    assert "--state-dir" in second.stderr


def test_nothing_is_served_in_the_clear_off_loopback(tmp_path: Path) -> None:
    answer = refused("--state-dir", str(tmp_path), "--listen", "0.0.0.0", "--insecure")
    assert answer.returncode == 3
    assert "mltest-agent join -" in answer.stderr


def listening_at(agent: Running) -> set[str]:
    found = [c.laddr.ip for c in psutil.Process(agent.process.pid).net_connections("inet") if c.status == "LISTEN"]
    return {address.removeprefix("::ffff:") for address in found}


def test_an_agent_that_was_not_joined_listens_on_loopback_and_says_so(processes: ProcessGroup, tmp_path: Path) -> None:
    agent = processes.agent(tmp_path, *QUIET)
    assert listening_at(agent) == {"127.0.0.1"}
    assert "mltest-agent join -" in stderr_of(tmp_path)


async def test_insecure_serves_in_the_clear_on_loopback(processes: ProcessGroup, tmp_path: Path) -> None:
    agent = processes.agent(tmp_path, *QUIET, "--insecure")
    assert listening_at(agent) == {"127.0.0.1"}
    assert "in the clear" in stderr_of(tmp_path)
    async with grpc.aio.insecure_channel(agent.address) as channel:
        assert (await Peer(channel).describe()).agent_id == agent.listening["agent_id"]


def test_a_free_port_is_taken_where_the_default_one_is_not(processes: ProcessGroup, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", 50771))
            other.listen()
        except OSError:
            pass  # somebody else has it, which is what this test needs
        agent = processes.agent(tmp_path, "--no-advertise")
    assert not agent.address.endswith(":50771")


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(processes: ProcessGroup, tmp_path: Path) -> None:
    port = processes.agent(tmp_path / "a", *QUIET).address.rpartition(":")[2]
    answer = refused("--state-dir", str(tmp_path / "b"), "--no-advertise", "--port", port)
    assert answer.returncode == 3
    assert port in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_agent_started_for_a_process_ends_with_it(tmp_path: Path) -> None:
    program = [str(BIN / "mltest-agent"), "serve", *QUIET, "--exit-with-parent", "--state-dir", str(tmp_path)]
    code = f"import subprocess, time; print(subprocess.Popen({program!r}).pid, flush=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    agent = psutil.Process(int(parent.stdout.readline()))
    assert json.loads(parent.stdout.readline())["event"] == "listening"
    parent.kill()
    parent.wait()
    assert parent.stdout.read() == ""  # its end of the pipe closes when the agent has ended
    parent.stdout.close()
    assert_ended(agent)


async def test_it_describes_itself(processes: ProcessGroup, tmp_path: Path) -> None:
    names = ("--name", "lab-1", "--tag", "x86", "--tag", "quiet")
    agent = processes.agent(tmp_path, *QUIET, *names, runtimes="scikit-learn")
    async with connected(agent.address) as peer:
        info = await peer.describe()
    assert (info.agent_id, info.name, info.tags) == (agent.listening["agent_id"], "lab-1", ("x86", "quiet"))
    assert info.protocol_version == PROTOCOL_VERSION
    assert info.host.logical_cores >= 1
    assert info.host.memory_bytes > 0
    usable = {runtime.name: runtime for runtime in info.runtimes if runtime.is_available}
    assert "skops" in usable["scikit-learn"].formats
    assert usable["scikit-learn"].version == usable["scikit-learn"].package_versions["scikit-learn"]
    assert len(info.capability_digest) == 64
    assert not info.allows_pickle


async def test_a_runtime_that_its_user_holds_back_is_listed_and_neither_imported_nor_run(
    processes: ProcessGroup, files: Files, tmp_path: Path
) -> None:
    async with connected(processes.agent(tmp_path, *QUIET, runtimes="treelite").address) as peer:
        found = {runtime.name: runtime for runtime in (await peer.describe()).runtimes}
        spec = visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a"))
        await peer.start(await peer.acquire(), spec)
        ends = [event.event for event in await peer.events(spec) if isinstance(event.event, CandidateEnded)]
    assert {name for name, runtime in found.items() if runtime.is_available} == {"treelite", "reference"}
    assert "--runtimes" in found["onnxruntime"].reason
    assert found["onnxruntime"].package_versions == {}
    assert [(end.outcome, end.reason_code) for end in ends] == [(Outcome.FAILED, "RUNTIME_MISSING")]
    assert "--runtimes" in ends[0].reason


async def test_an_agent_for_one_job_looks_at_those_runtimes_of_the_job_that_it_knows(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.agent(tmp_path, *QUIET, "--needed-runtimes", "numpy,only-known-to-the-coordinator")
    async with connected(agent.address) as peer:
        found = (await peer.describe()).runtimes
    assert {runtime.name for runtime in found if runtime.is_available} == {"numpy", "reference"}


def test_a_runtime_that_nobody_knows_cannot_be_offered(tmp_path: Path) -> None:
    answer = refused("--state-dir", str(tmp_path), "--runtimes", "onnxruntime,onx")
    assert answer.returncode == 2
    assert "'onx' is not one of " in answer.stderr


async def test_it_never_imports_a_library_that_it_measures(processes: ProcessGroup, tmp_path: Path) -> None:
    agent = processes.agent(tmp_path, *QUIET, runtimes="scikit-learn,onnxruntime,treelite")
    async with connected(agent.address) as peer:
        await peer.describe()
    mapped = {Path(found.path).parts for found in psutil.Process(agent.process.pid).memory_maps()}
    assert not {"numpy", "sklearn", "onnxruntime", "treelite"} & {part for parts in mapped for part in parts}


@pytest.mark.parametrize("version", sorted({0, MIN_PROTOCOL_VERSION - 1}))
async def test_a_caller_of_another_protocol_is_refused(processes: ProcessGroup, tmp_path: Path, version: int) -> None:
    async with connected(processes.agent(tmp_path, *QUIET).address) as peer:
        for call in (
            peer.stub.DescribeAgent(pb.DescribeAgentRequest(protocol_version=version)),
            peer.stub.AcquireLease(pb.AcquireLeaseRequest(protocol_version=version, holder="somebody")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as answer:
                await call
            assert dict(answer.value.trailing_metadata() or ())[ERROR_CODE_KEY] == "PROTOCOL_MISMATCH"
            assert "protocol" in (answer.value.details() or "")


async def test_health_and_reflection_name_both_services(processes: ProcessGroup, tmp_path: Path) -> None:
    services = {"mltest.v1.AgentService", "mltest.v1.BlobService"}
    async with connected(processes.agent(tmp_path, *QUIET).address) as peer:
        health = health_pb2_grpc.HealthStub(peer.channel)
        for name in ("", *services):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=DEADLINE_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        listing = reflection_pb2_grpc.ServerReflectionStub(peer.channel).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=DEADLINE_S
        )
        async for found in listing:
            assert services <= {service.name for service in found.list_services_response.service}


async def test_watching_tells_who_holds_the_agent(processes: ProcessGroup, tmp_path: Path) -> None:
    async with connected(processes.agent(tmp_path, *QUIET).address) as peer:
        states = peer.watch()
        holders = [await anext(states)]
        epoch = await peer.acquire("me")
        holders.append(await anext(states))
        await peer.release(epoch)
        holders.append(await anext(states))
    assert holders == ["", "me", ""]


@pytest.mark.promise(10)
async def test_a_pickle_is_refused_unless_it_was_allowed(processes: ProcessGroup, files: Files, tmp_path: Path) -> None:
    trace = tmp_path / "was-opened"
    model = write_pickle(tmp_path / "evil.pkl", f"open({str(trace)!r}, 'w')")
    async with connected(processes.agent(tmp_path / "agent", *QUIET, runtimes="scikit-learn").address) as peer:
        spec = visit(await peer.upload(files.data), pickled(await peer.upload(model)))
        await peer.start(await peer.acquire(), spec)
        found = [event.event for event in await peer.events(spec) if isinstance(event.event, CandidateEnded)]
    assert (found[0].outcome, found[0].reason_code) == (Outcome.FAILED, "MODEL_REFUSED")
    assert "mltest-agent serve --allow-pickle" in found[0].reason
    assert not trace.exists()


async def started_visit(peer: Peer, files: Files) -> AsyncIterator[object]:
    spec = long_visit(visit(await peer.upload(files.data), candidate(await peer.upload(files.model), "a")))
    await peer.start(await peer.acquire(), spec)
    async for event in peer.attach(spec):
        yield event.event


async def test_sigterm_ends_a_visit_and_tells_those_who_follow(
    processes: ProcessGroup, files: Files, tmp_path: Path
) -> None:
    agent = processes.agent(tmp_path, *QUIET)
    async with connected(agent.address) as peer:
        events = started_visit(peer, files)
        await anext(events)
        await anext(events)
        workers = psutil.Process(agent.process.pid).children(recursive=True)
        agent.process.send_signal(signal.SIGTERM)
        last = [event async for event in events][-1]
    assert isinstance(last, VisitEnded)
    assert (last.outcome, last.reason_code) == (Outcome.CANCELLED, "VISIT_INTERRUPTED")
    assert await asyncio.to_thread(agent.process.wait, DEADLINE_S) == 0
    assert workers
    assert not any(worker.is_running() for worker in workers)


@pytest.mark.promise(26)
async def test_workers_end_with_an_agent_that_is_killed(processes: ProcessGroup, files: Files, tmp_path: Path) -> None:
    agent = processes.agent(tmp_path, *QUIET)
    async with connected(agent.address) as peer:
        events = started_visit(peer, files)
        await anext(events)
        await anext(events)
        workers = psutil.Process(agent.process.pid).children(recursive=True)
        agent.kill()
        with pytest.raises(grpc.aio.AioRpcError):
            [event async for event in events]
    assert workers
    assert_ended(*workers)


class Heard(ServiceListener):
    """What a browser hears of one agent."""

    def __init__(self, agent_id: str) -> None:
        self._instance = instance_name(agent_id)
        self._loop = asyncio.get_running_loop()
        self.news: asyncio.Queue[str] = asyncio.Queue()

    def _tell(self, kind: str, name: str) -> None:
        if name == self._instance:
            self._loop.call_soon_threadsafe(self.news.put_nowait, kind)

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell("added", name)

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell("updated", name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        self._tell("removed", name)


async def advertised(browser: AsyncZeroconf, agent_id: str) -> Advertisement:
    info = await browser.async_get_service_info(SERVICE_TYPE, instance_name(agent_id), timeout=5000)
    assert info is not None
    assert info.parsed_addresses() == ["127.0.0.1"]
    assert len(info.text) <= 400
    return advertisement_from_txt(info.properties)


async def test_it_is_found_by_mdns_and_says_goodbye(processes: ProcessGroup, tmp_path: Path) -> None:
    agent = processes.agent(tmp_path, "--port", "0", "--name", "lab-1")
    browser = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    heard = Heard(agent.listening["agent_id"])
    await browser.async_add_service_listener(SERVICE_TYPE, heard)
    try:
        async with asyncio.timeout(DEADLINE_S), connected(agent.address) as peer:
            assert await heard.news.get() == "added"
            found = await advertised(browser, agent.listening["agent_id"])
            assert (found.name, f"127.0.0.1:{found.port}", found.security) == ("lab-1", agent.address, "loopback")
            info = await peer.describe()
            while not found.digest:
                await heard.news.get()
                found = await advertised(browser, agent.listening["agent_id"])
            assert found.digest == info.capability_digest
            agent.process.send_signal(signal.SIGTERM)
            while await heard.news.get() != "removed":
                pass
    finally:
        await browser.async_close()
