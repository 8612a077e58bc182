"""Coordinators that die, come back, and share a state directory."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mltest.coordinator.engine import Coordinator
from mltest.coordinator.home import HomeCoordinator, open_coordinator, serve
from mltest.coordinator.remote import RemoteCoordinator
from mltest.shared.domain import JobNote, JobState, Outcome, StepStarted, VisitUpdated
from mltest.shared.errors import JobStateError, NotPermittedError, RequestInvalidError, StoreBusyError
from mltest.shared.state import locked_state
from tests.integration.jobs import (
    CANDIDATES,
    SLOW_PLAN,
    SLOW_SLICES,
    all_events,
    events_until,
    is_under_way,
    job_spec,
    of_kind,
    slow_plan,
)
from tests.models import ModelFiles
from tests.processes import ProcessGroup, Running

LOOPBACK = ("--no-advertise", "--port", "0")
TWO_VISITS = slow_plan(SLOW_SLICES, rounds=2)


@pytest.mark.promise(27)
async def test_a_job_goes_on_when_a_killed_coordinator_serves_again(
    tiny: ModelFiles, resident: Running, processes: ProcessGroup, tmp_path: Path
) -> None:
    coordinator = processes.coordinator(tmp_path / "home", "--port", "0")
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    assert isinstance(api, RemoteCoordinator)
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=TWO_VISITS))
    await events_until(api, job_id, lambda event: is_under_way(event) and event.event.round_index == 1)  # type: ignore[union-attr]
    coordinator.kill()
    await api.close()
    processes.coordinator(tmp_path / "home", "--port", "0")
    api = await open_coordinator(tmp_path / "home", needs_to_run=False)
    events = await all_events(api, job_id)

    assert (await api.job(job_id)).state is JobState.DONE
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    ends = [(end.round_index, end.attempt, end.outcome) for end in of_kind(events, VisitUpdated) if end.outcome]
    assert ends == [(0, 1, Outcome.OK), (1, 1, Outcome.OK)], "the attempt that went on meanwhile is taken up"
    assert [step.step for step in of_kind(events, StepStarted)].count("inspect") == 1
    series = [found async for found in api.samples(job_id) if found.series.metric == "latency_ns"]
    assert len(series) == CANDIDATES * 2 * SLOW_SLICES
    await api.close()


async def test_a_watch_goes_on_when_its_coordinator_is_restarted(
    tiny: ModelFiles, resident: Running, processes: ProcessGroup, tmp_path: Path
) -> None:
    coordinator = processes.coordinator(tmp_path / "home", "--port", "0")
    api = RemoteCoordinator(coordinator.address)
    job_id = await api.submit(await job_spec(api, tiny, resident.address, plan=SLOW_PLAN))
    await events_until(api, job_id, is_under_way)
    watching = asyncio.ensure_future(all_events(api, job_id))
    await asyncio.to_thread(coordinator.stop)
    port = coordinator.address.rpartition(":")[2]
    await asyncio.to_thread(processes.coordinator, tmp_path / "home", "--port", port)
    events = await watching

    assert (await api.job(job_id)).state is JobState.DONE
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    await api.close()


async def test_a_job_of_a_killed_process_that_did_not_serve_can_be_resumed(
    tiny: ModelFiles, resident: Running, processes: ProcessGroup, tmp_path: Path
) -> None:
    coordinator = processes.coordinator(tmp_path / "home", "--port", "0")
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    job_id = await api.submit(await job_spec(api, tiny, resident.address))
    await events_until(api, job_id, lambda event: isinstance(event.event, StepStarted))
    coordinator.kill()
    await api.close()

    reader = await open_coordinator(tmp_path / "home", needs_to_run=False)
    left = await reader.job(job_id)
    watched = await all_events(reader, job_id)
    await reader.close()
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    closed = await api.job(job_id)
    await api.resume(job_id)
    await all_events(api, job_id)

    assert left.state is JobState.RUNNING
    assert watched
    assert (closed.state, closed.reason) == (JobState.INTERRUPTED, "the process that ran it ended")
    assert (await api.job(job_id)).state is JobState.DONE
    await api.close()


async def test_closing_interrupts_a_job_which_then_can_be_resumed(
    tiny: ModelFiles, resident: Running, tmp_path: Path
) -> None:
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    job_id = await api.submit(await job_spec(api, tiny, resident.address))
    await events_until(api, job_id, lambda event: isinstance(event.event, VisitUpdated))
    await api.close()
    await api.close()
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    left = await api.job(job_id)
    await api.resume(job_id)
    await all_events(api, job_id)

    assert left.state is JobState.INTERRUPTED
    assert (await api.job(job_id)).state is JobState.DONE
    await api.close()


async def test_whoever_comes_second_talks_to_the_first_and_its_job_is_finished(
    tiny: ModelFiles, resident: Running, tmp_path: Path
) -> None:
    first = await open_coordinator(tmp_path / "home", needs_to_run=True)
    second = await open_coordinator(tmp_path / "home", needs_to_run=True)
    job_id = await second.submit(await job_spec(second, tiny, resident.address))
    watching = asyncio.ensure_future(all_events(second, job_id))
    await first.close()
    await watching
    reader = await open_coordinator(tmp_path / "home", needs_to_run=False)

    assert isinstance(first, HomeCoordinator)
    assert isinstance(second, RemoteCoordinator)
    assert isinstance(reader, Coordinator)
    assert (await reader.job(job_id)).state is JobState.DONE
    await second.close()
    await reader.close()


async def test_a_directory_that_is_held_by_something_silent_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mltest.coordinator.home._PATIENCE_S", 0.3)
    with locked_state(tmp_path):
        for needs_to_run in (True, False):
            with pytest.raises(StoreBusyError, match=str(os.getpid())):
                await open_coordinator(tmp_path, needs_to_run=needs_to_run)


async def test_a_second_service_on_one_directory_is_refused(processes: ProcessGroup, tmp_path: Path) -> None:
    running = processes.coordinator(tmp_path, "--port", "0")
    with pytest.raises(StoreBusyError, match=str(running.process.pid)):
        await serve(tmp_path, port=0)


async def test_a_process_that_only_reads_runs_nothing_and_does_not_lock(tiny: ModelFiles, tmp_path: Path) -> None:
    reader = await open_coordinator(tmp_path, needs_to_run=False)
    runner = await open_coordinator(tmp_path, needs_to_run=True)
    with pytest.raises(NotPermittedError):
        await reader.submit(await job_spec(reader, tiny))
    with pytest.raises(JobStateError):
        job_id = await runner.submit(await job_spec(runner, tiny, "127.0.0.1:1"))
        await all_events(runner, job_id)
        await reader.cancel(job_id)
    await reader.close()
    await runner.close()


async def test_a_long_state_directory_is_served_on_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    first = await open_coordinator(folder, needs_to_run=True)
    second = await open_coordinator(folder, needs_to_run=True)

    assert isinstance(second, RemoteCoordinator)
    assert await second.jobs() == ()
    await second.close()
    await first.close()


async def test_no_service_is_in_the_clear_off_loopback(tmp_path: Path) -> None:
    with pytest.raises(NotPermittedError) as refused:
        await serve(tmp_path, listen="0.0.0.0", port=0, insecure=True)
    with pytest.raises(RequestInvalidError, match="not an IP address"):
        await serve(tmp_path, listen="example", port=0)

    assert "mltest-coordinator client-key" in str(refused.value.facts["next_step"])


async def test_a_port_in_use_is_an_error_that_says_so(tmp_path: Path) -> None:
    first = await HomeCoordinator.settle(tmp_path / "a", listen="127.0.0.1", port=0)
    port = int(first.tcp_address.rpartition(":")[2])
    with pytest.raises(RequestInvalidError, match="in use"):
        await serve(tmp_path / "b", port=port)
    await first.close()
    again = await open_coordinator(tmp_path / "b", needs_to_run=True)
    await again.close()


async def test_a_service_that_exits_when_idle_ends_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: ModelFiles
) -> None:
    monkeypatch.setattr("mltest.coordinator.home._IDLE_S", 0.5)
    listening = asyncio.Event()
    serving = asyncio.ensure_future(
        serve(tmp_path, port=0, exit_when_idle=True, on_listening=lambda address: listening.set())
    )
    await listening.wait()
    api = await open_coordinator(tmp_path, needs_to_run=True)
    job_id = await api.submit(await job_spec(api, tiny, "127.0.0.1:1"))
    async with asyncio.timeout(60):
        await serving
    await api.close()
    reader = await open_coordinator(tmp_path, needs_to_run=False)

    assert (await reader.job(job_id)).state is JobState.FAILED
    await reader.close()


def test_importing_the_coordinator_imports_no_ml_library() -> None:
    import subprocess

    script = (
        "import sys; import mltest.coordinator.home\n"
        "bad = {'numpy', 'sklearn', 'onnx', 'onnxruntime', 'treelite', 'skops', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(bad)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_resumed_job_waits_for_its_agents_instead_of_measuring_somewhere_else(
    tiny: ModelFiles, processes: ProcessGroup, tmp_path: Path
) -> None:
    agent = processes.agent(tmp_path / "a", *LOOPBACK, "--name", "late")
    api = await open_coordinator(tmp_path / "home", needs_to_run=True)
    spec = replace(await job_spec(api, tiny, agent.address, plan=TWO_VISITS), uses_local_agent=True)
    job_id = await api.submit(spec)
    await events_until(api, job_id, is_under_way)
    await api.cancel(job_id)
    agent.kill()
    last = (await all_events(api, job_id))[-1].seq
    await api.resume(job_id)
    await events_until(api, job_id, lambda event: event.seq > last and isinstance(event.event, JobNote))
    port = agent.address.rpartition(":")[2]
    await asyncio.to_thread(processes.agent, tmp_path / "a", "--no-advertise", "--port", port, "--name", "late")
    await all_events(api, job_id)

    results = await api.results(job_id)
    assert results.job.state is JobState.DONE
    assert {row.agent_name for row in results.standings.rows} == {"late"}
    await api.close()


async def test_a_service_starts_though_somebody_looks_whether_one_serves(tmp_path: Path) -> None:
    listening = asyncio.Event()
    stop = asyncio.Event()
    with locked_state(tmp_path):
        serving = asyncio.ensure_future(
            serve(tmp_path, port=0, stop=stop, on_listening=lambda address: listening.set())
        )
        await asyncio.wait([serving], timeout=0.3)
        assert not serving.done()
    async with asyncio.timeout(60):
        await listening.wait()
        stop.set()
        await serving
