"""Hostile models and data in the builder's real child: each ends as one typed error, and nothing outside changes."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import FileRef, JobSpec
from mltest.shared.errors import (
    ChildCrashedError,
    DataInvalidError,
    DeadlineError,
    MltestError,
    ModelInvalidError,
    ModelRefusedError,
    ModelUnsupportedError,
    ResourceLimitError,
    UserError,
)
from mltest.shared.status import next_step_of
from tests.hostile.archives import crafted_tree, honest_data, honest_model, npz_bomb, skops_bomb
from tests.hostile.boosters import LIGHTGBM_TEXT, XGBOOST_JSON, XGBOOST_UBJ, crafted_lightgbm, crafted_xgboost
from tests.hostile.graphs import constant_bomb, custom_operator, endless_loop, external_data
from tests.hostile.pickles import BOMBS, CRASH, ENDLESS, FLOOD, GADGETS, SECRET, Target, write_hostile
from tests.hostile.processes import descendants
from tests.models import ModelFiles

MEMORY_BYTES = 700 << 20
PLAN = Plan(memory_bytes=MEMORY_BYTES)
LIMITED = Plan(memory_bytes=MEMORY_BYTES, load_timeout_s=60, step_timeout_s=30)
BRIEF = Plan(memory_bytes=MEMORY_BYTES, load_timeout_s=2, step_timeout_s=1)
"""For what never ends: it computes until then."""
BOMB_BYTES = 900 << 20
MAX_GROWTH_BYTES = 64 << 20
"""Of the process that runs these tests, with all that they have imported; the bombs are of gigabytes."""
MAX_GROWTH_OF_A_DAEMON_BYTES = 10 << 20


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    outside = tmp_path / "outside"
    outside.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        found = Target(outside, listener.getsockname()[1])
        found.secret.write_text(SECRET)
        yield found
        assert found.secret.read_text() == SECRET
        assert list(outside.iterdir()) == [found.secret]
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.fixture
async def builder(tmp_path: Path, tiny: ModelFiles) -> AsyncIterator[ProcessBuilder]:
    """A builder that works in a folder of its own; afterwards an honest job goes well, and no process is left."""
    work = tmp_path / "work"
    work.mkdir()
    found = ProcessBuilder(work)
    yield found
    assert await inspect(found, tiny.model, tiny.data) == "skl2onnx"
    await found.close()
    assert descendants() == set()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small skops file that becomes huge."""
    return skops_bomb(tmp_path_factory.mktemp("bomb") / "model", BOMB_BYTES)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def inspect(
    builder: ProcessBuilder, model: Path, data: Path | None = None, plan: Plan = PLAN, *, allows_pickle: bool = True
) -> str:
    """Have `model` inspected; return what kind of model it is."""
    data = data or honest_data(model.parent / "honest.npz")
    spec = JobSpec(
        model=FileRef(name=model.name, sha256=""),
        data=(FileRef(name=data.name, sha256=""),),
        allows_pickle=allows_pickle,
    )
    folder = builder._folder
    return (await builder.inspect(spec, plan, model=model, data=[data], folder=folder)).model.kind


async def failure(builder: ProcessBuilder, model: Path, data: Path | None = None, plan: Plan = PLAN) -> MltestError:
    """Return how inspecting `model` fails; what it costs this process in memory is bounded."""
    before_bytes = resident_bytes()
    with pytest.raises(MltestError) as raised:
        await inspect(builder, model, data, plan)
    assert resident_bytes() - before_bytes < MAX_GROWTH_BYTES
    assert SECRET not in raised.value.message
    return raised.value


@pytest.mark.promise(10)
async def test_a_pickle_is_refused_unless_it_is_allowed_and_it_is_said_how_to_do_without(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    model = write_hostile(tmp_path / "model", GADGETS["open and write"], target)
    with pytest.raises(ModelRefusedError, match="is a pickle") as raised:
        await inspect(builder, model, allows_pickle=False)
    assert "skops.io.dump" in next_step_of(raised.value) and "--allow-pickle" in next_step_of(raised.value)


@pytest.mark.promise(11, 18, 20, 21)
async def test_a_pickle_that_does_more_than_compute_is_refused(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    found = {}
    for gadget, program in GADGETS.items():
        found[gadget] = await failure(builder, write_hostile(tmp_path / "model", program, target))
        assert builder._child is not None
        assert descendants() == {builder._child.pid}, gadget
    # system(3) only returns that it failed, so that what is left is no estimator.
    expected = {gadget: ModelInvalidError if gadget == "os.system" else ModelRefusedError for gadget in GADGETS}
    assert {gadget: type(error) for gadget, error in found.items()} == expected


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.promise(15)
async def test_a_bomb_ends_at_its_limit(bomb: str, builder: ProcessBuilder, target: Target, tmp_path: Path) -> None:
    error = await failure(builder, write_hostile(tmp_path / "model", BOMBS[bomb], target), plan=LIMITED)
    assert isinstance(error, ResourceLimitError), error
    named = {"file": "8.59 GB", "threads": "threads"}.get(bomb, "734 MB")
    assert named in error.message or "no more can be started" in error.message


@pytest.mark.promise(14)
async def test_a_pickle_that_never_ends_meets_the_deadline(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    error = await failure(builder, write_hostile(tmp_path / "model", ENDLESS, target), plan=BRIEF)
    assert isinstance(error, DeadlineError)


@pytest.mark.promise(13)
async def test_a_pickle_that_crashes_is_told_with_its_signal(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    error = await failure(builder, write_hostile(tmp_path / "model", CRASH, target))
    assert isinstance(error, ChildCrashedError)
    assert "signal SIGSEGV" in error.message


async def test_a_flood_of_words_before_a_crash_costs_nothing(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    error = await failure(builder, write_hostile(tmp_path / "model", FLOOD, target))
    assert isinstance(error, ChildCrashedError)
    assert "SIGABRT" in error.message and len(error.message) < 3000


FORGED = """
import json, os
answer = {{"ok": {answer}}}
for number in range(3, 20):
    try:
        os.write(number, (json.dumps(answer) + "\\n").encode())
    except OSError:
        pass
"""


@pytest.mark.parametrize(
    "answer",
    ["'all is well'", "{{}}", "[1]", "{{'model': {{'kind': 'x'}}, 'dataset_path': '{secret}'}}"],
)
async def test_a_forged_answer_is_a_crash_and_names_no_file(
    answer: str, builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    program = FORGED.replace("{answer}", answer)
    error = await failure(builder, write_hostile(tmp_path / "model", program, target))
    assert isinstance(error, ChildCrashedError), error
    await builder.close()


ENDLESS_ANSWER = """
import os
for number in range(3, 20):
    try:
        while True:
            os.write(number, b"x" * 65536)
    except OSError:
        pass
"""


async def test_an_answer_without_an_end_costs_little_and_is_a_crash(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    error = await failure(builder, write_hostile(tmp_path / "model", ENDLESS_ANSWER, target))
    assert type(error) is ChildCrashedError
    assert "longer than" in error.message


async def test_a_forged_failure_of_the_infrastructure_is_not_believed(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    program = FORGED.replace('"ok": {answer}', '"error": {{"code": "LEASE_LOST", "message": "try again"}}')
    error = await failure(builder, write_hostile(tmp_path / "model", program, target))
    assert type(error) is ChildCrashedError
    await builder.close()


@pytest.mark.promise(13)
async def test_a_tree_that_leads_nowhere_is_invalid(builder: ProcessBuilder, tmp_path: Path) -> None:
    for field, value in (("left_child", 10**9), ("feature", 2**40), ("left_child", 0)):
        error = await failure(builder, crafted_tree(tmp_path / "model", field, value))
        assert isinstance(error, ModelInvalidError)
        assert "out of range" in error.message


@pytest.mark.promise(16)
async def test_data_in_another_file_are_refused_wherever_a_graph_names_them(
    builder: ProcessBuilder, target: Target, tmp_path: Path
) -> None:
    neighbour = tmp_path / "weights.bin"
    neighbour.write_bytes(bytes(36))
    link = tmp_path / "link.bin"
    link.symlink_to(target.secret)
    model = tmp_path / "model"
    for location in (str(target.secret), "../outside/id_ed25519", neighbour.name, link.name):
        for place, content in external_data(location).items():
            model.write_bytes(content)
            error = await failure(builder, model)
            assert isinstance(error, ModelInvalidError), place
            assert "kept in another file" in error.message, place


@pytest.mark.promise(16)
async def test_an_operator_that_nobody_has_is_named(builder: ProcessBuilder, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_bytes(custom_operator())
    error = await failure(builder, model)
    assert isinstance(error, ModelUnsupportedError)
    assert "com.elsewhere.Conjure" in error.message


@pytest.mark.promise(14)
async def test_a_graph_that_never_ends_meets_the_deadline(builder: ProcessBuilder, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_bytes(endless_loop())
    assert isinstance(await failure(builder, model, plan=BRIEF), DeadlineError)


@pytest.mark.promise(15)
async def test_a_graph_of_a_few_bytes_that_takes_all_memory_meets_its_limit(
    builder: ProcessBuilder, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.write_bytes(constant_bomb(BOMB_BYTES // 4))
    error = await failure(builder, model)
    assert isinstance(error, ResourceLimitError), error
    assert "734 MB" in error.message


@pytest.mark.promise(15)
async def test_a_small_skops_file_that_becomes_huge_meets_the_memory_limit(
    builder: ProcessBuilder, packed: Path, tmp_path: Path
) -> None:
    assert packed.stat().st_size < 4 << 20
    error = await failure(builder, packed, honest_data(tmp_path / "honest.npz"))
    assert isinstance(error, ResourceLimitError), error
    assert "734 MB" in error.message


@pytest.mark.promise(15)
async def test_small_data_that_become_huge_meet_the_memory_limit(
    builder: ProcessBuilder, tiny: ModelFiles, tmp_path: Path
) -> None:
    data = npz_bomb(tmp_path / "honest.npz", BOMB_BYTES)
    assert data.stat().st_size < 4 << 20
    assert isinstance(await failure(builder, tiny.model, data), ResourceLimitError)


@pytest.mark.promise(15)
def test_a_process_that_only_has_models_inspected_does_not_grow_with_what_they_do(
    target: Target, packed: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    hostile = {
        "flood": write_hostile(tmp_path / "flood", FLOOD, target),
        "answer": write_hostile(tmp_path / "answer", ENDLESS_ANSWER, target),
        "bomb": packed,
    }
    # The first one is honest: what is imported and kept from then on is no model's doing.
    files = [honest_data(tmp_path / "honest.npz"), honest_model(tmp_path / "honest"), *hostile.values()]
    command = [sys.executable, "-m", "tests.hostile.inspecting", *map(str, (work, *files))]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    honest, *told = [json.loads(line) for line in lines]
    assert honest["code"] == ""
    assert [one["code"] for one in told] == ["MODEL_CRASHED", "MODEL_CRASHED", "RESOURCE_LIMIT"]
    assert max(one["growth_bytes"] for one in told) < MAX_GROWTH_OF_A_DAEMON_BYTES, told


@pytest.mark.promise(13)
async def test_other_formats_are_named_and_not_opened(builder: ProcessBuilder, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b'#include "/etc/passwd"\n')
    error = await failure(builder, tmp_path / "model")
    assert isinstance(error, ModelUnsupportedError)
    assert "which no runtime takes yet" in error.message


@pytest.mark.promise(13)
async def test_boosted_trees_that_lead_nowhere_are_invalid(builder: ProcessBuilder, tmp_path: Path) -> None:
    model = tmp_path / "model"
    crafted = (
        *(crafted_xgboost(edit) for edit in ("a child far away", "a feature that is not there", "countless outputs")),
        *(crafted_lightgbm(edit) for edit in ("a child far away", "sizes of trees that are not true")),
    )
    for content in crafted:
        model.write_bytes(content)
        assert isinstance(await failure(builder, model), ModelInvalidError)


@pytest.mark.promise(13)
async def test_boosted_trees_with_bytes_of_chance_end_in_one_typed_error(
    builder: ProcessBuilder, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    model = tmp_path / "model"
    for whole in (XGBOOST_JSON, XGBOOST_UBJ, LIGHTGBM_TEXT, b"CBM1" + random.bytes(500)):
        for _ in range(3):
            content = bytearray(whole)
            for place in random.integers(len(content) // 4, len(content), 20):
                content[place] = random.integers(256)
            model.write_bytes(content)
            try:
                await inspect(builder, model)
            except MltestError as error:
                assert isinstance(error, UserError | ChildCrashedError), error


@pytest.mark.promise(13)
async def test_damaged_files_are_user_errors(builder: ProcessBuilder, tmp_path: Path) -> None:
    whole = honest_model(tmp_path / "whole.skops").read_bytes()
    model = tmp_path / "model"
    for content in (whole[:-1], whole[: len(whole) // 2], whole[:30], whole[100:], _flipped(whole)):
        model.write_bytes(content)
        assert isinstance(await failure(builder, model), ModelInvalidError | ModelUnsupportedError)


async def test_damaged_data_are_user_errors(builder: ProcessBuilder, tiny: ModelFiles, tmp_path: Path) -> None:
    whole = tiny.data.read_bytes()
    data = tmp_path / "honest.npz"
    for content in (whole[:-1], whole[:50], _flipped(whole)):
        data.write_bytes(content)
        assert isinstance(await failure(builder, tiny.model, data), DataInvalidError)


async def test_a_child_is_given_to_no_other_files(builder: ProcessBuilder, tiny: ModelFiles, tmp_path: Path) -> None:
    copy = Path(shutil.copy(tiny.model, tmp_path / "copy.onnx"))
    await inspect(builder, tiny.model, tiny.data)
    assert builder._child is not None
    first = builder._child.pid
    await inspect(builder, copy, tiny.data)
    assert builder._child.pid != first


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
