"""mltest-agent selftest: real visits on this machine; what is checked is that it works, never how fast anything is."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mltest.agent.selftest.aa import aa
from mltest.agent.selftest.agree import agree
from mltest.agent.selftest.bench import Bench, SelftestOptions
from mltest.agent.selftest.clean import clean
from mltest.agent.selftest.findings import Finding
from mltest.agent.selftest.local_rounds import LocalRounds
from mltest.agent.selftest.models import Models, make_models
from mltest.agent.selftest.native import native
from mltest.agent.selftest.openloop import openloop
from mltest.agent.selftest.recording import read_records
from mltest.agent.selftest.rows import rows
from mltest.agent.selftest.verify import verify
from mltest.shared.children.process_tree import MARK

pytestmark = pytest.mark.xdist_group("selftest")

PROGRAM = Path(sys.executable).parent / "mltest-agent"
SHORTEST = SelftestOptions(is_quick=True, is_shortest=True, candidate_count=2, comparison_count=1, slow_percents=())


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return asyncio.run(make_models(tmp_path_factory.mktemp("models")))


@pytest.fixture
def bench(models: Models, tmp_path: Path) -> Bench:
    return Bench(folder=tmp_path, models=models, rounds=LocalRounds(tmp_path), options=SHORTEST)


def by_name(found: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in found}


def test_models_are_made_for_three_runtimes(models: Models) -> None:
    assert {model.runtime for model in models.models} == {"scikit-learn", "onnxruntime", "treelite"}
    assert models.left_out == {}


@pytest.mark.long
async def test_a_campaign_can_be_computed_again_from_its_file(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    bench.options = replace(SHORTEST, output=path)
    measured = await aa(bench)
    assert by_name(measured)["false_difference_ratio"].of_count == 1
    assert {name for record in read_records(path) for name in record.times_ns} == {"a1", "a2"}
    bench.options = replace(SHORTEST, replay=path)
    bench.records = []
    assert await aa(bench) == measured


async def test_calls_are_compared_with_other_peoples_loops(bench: Bench) -> None:
    found = by_name(await agree(bench))
    value = found["fidelity_python_ratio"].value
    assert value is not None
    assert 0 <= value < 10


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler; apt install gcc")
async def test_native_calls_are_compared_with_a_loop_in_c_beside_them_and_alone(bench: Bench) -> None:
    found = by_name(await native(bench))
    beside, alone = found["fidelity_native_ratio"], found["ratio"]
    assert beside.value is not None, beside.meaning
    assert 0 <= beside.value < 10
    assert alone.value is not None
    assert 0.1 < alone.value < 10


@pytest.mark.long
async def test_workers_hold_nothing_of_a_daemon(bench: Bench) -> None:
    found = by_name(await clean(bench))
    assert found["daemon_modules_loaded"].is_met, found["daemon_modules_loaded"].meaning
    assert found["extra_threads"].is_met, found["extra_threads"].meaning


async def test_one_row_again_and_again_is_flagged_and_distinct_rows_are_not(bench: Bench) -> None:
    found = by_name(await rows(bench))
    assert found["constant_rows_flagged_ratio"].value == 1
    assert found["distinct_rows_flagged_ratio"].value == 0


@pytest.mark.long
async def test_a_wrong_answer_is_caught_at_the_batch_size_where_it_is(bench: Bench) -> None:
    found = by_name(await verify(bench))
    assert found["harm_caught_ratio"].value == 1
    assert found["harm_imagined_ratio"].value == 0


@pytest.mark.long
async def test_a_stall_is_seen_by_requests_that_arrive_by_a_schedule(bench: Bench) -> None:
    found = by_name(await openloop(bench))
    assert found["openloop_stall_p99_ms"].is_met, found["openloop_stall_p99_ms"].meaning


def test_the_command_line_gives_figures_as_data(tmp_path: Path) -> None:
    ended = subprocess.run(
        [PROGRAM, "selftest", "overhead", "--quick", "--json"], capture_output=True, text=True, check=False
    )
    assert ended.returncode in (0, 1), ended.stderr
    figures = {figure["name"]: figure for figure in json.loads(ended.stdout)["overhead"]}
    assert figures["harness_ns_per_call"]["value"] > 0
    assert figures["harness_ns_per_call"]["bar"] == "<= 150"


def test_ctrl_c_leaves_no_process_and_no_folder(started: subprocess.Popen[str], tmp_path: Path) -> None:
    assert started.stderr is not None
    while "aa" not in started.stderr.readline():
        pass
    while not _workers(started.pid):
        assert started.poll() is None
    marks = {worker.environ().get(MARK) for worker in _workers(started.pid)}
    started.send_signal(signal.SIGINT)
    assert started.wait(timeout=60) == 128 + signal.SIGINT
    assert not [process for process in psutil.process_iter() if _mark(process) in marks]
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in started.stderr.read()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    # Whoever runs the tests in the background may ignore SIGINT; the program must not inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    popen = subprocess.Popen(
        [PROGRAM, "selftest", "aa"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    signal.signal(signal.SIGINT, before)
    yield popen
    popen.kill()
    popen.communicate()


def _workers(pid: int) -> list[psutil.Process]:
    return [child for child in psutil.Process(pid).children() if child.is_running() and _mark(child)]


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:
        return None
