"""The speed check: real work in real processes."""

import os
import shutil
from pathlib import Path

import pytest

from mltest.agent.native.compile import FLAGS
from mltest.agent.speed.parts import ANSWERS, PARTS, parts_in_c, parts_in_python
from mltest.agent.speed.speed import checked_speed
from mltest.agent.speed.speed_child import PROCESS_COUNT, speed_check
from mltest.shared.errors import MltestError
from mltest.shared.native.compiler import compile_library, compiler_path

needs_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="apt install gcc")
SOURCE = Path(parts_in_c.__code__.co_filename).with_name("speed_work.c")


@needs_compiler
async def test_a_daemon_gets_the_times_of_fresh_processes(tmp_path: Path) -> None:
    found = await checked_speed(tmp_path)
    assert len(found.processes) == PROCESS_COUNT
    assert {one.cpu for one in found.processes} <= os.sched_getaffinity(0)
    assert all(set(one.part_ns) == set(PARTS) and min(one.part_ns.values()) > 0 for one in found.processes)

    again = await checked_speed(tmp_path)
    assert (again.work, [one.cpu for one in again.processes]) == (found.work, [one.cpu for one in found.processes])
    assert again.checked_unix_ns > found.checked_unix_ns


def test_a_machine_without_a_compiler_does_other_work_which_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = speed_check(tmp_path, sorted(os.sched_getaffinity(0)), count=1)
    assert found.work.startswith("python CPython 3.")
    assert set(found.processes[0].part_ns) == set(PARTS)


def test_the_parts_answer_what_another_computation_says() -> None:
    state, total, place = 2463534242, 0, 0
    for _ in range(120_000):
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        state ^= state << 5 & 0xFFFFFFFF
        total = total + state if state & 8 else total ^ state
    for _ in range(80_000):
        place = (1_664_525 * place + 1_013_904_223) % 2**17
    assert (total, 4 * 2, place) == ANSWERS


@needs_compiler
def test_a_machine_that_computes_wrongly_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.c"
    wrong.write_text(SOURCE.read_text().replace("state >> 17", "state >> 16"))
    compile_library(compiler_path(), [wrong], tmp_path / "wrong.so", FLAGS)
    with pytest.raises(ArithmeticError, match="the integer part says"):
        parts_in_c(tmp_path / "wrong.so")["integer"]()


def test_a_process_that_fails_is_an_error_with_its_last_word(tmp_path: Path) -> None:
    with pytest.raises(MltestError, match="cannot be checked: OSError"):
        speed_check(tmp_path, [4096], count=1)


def test_the_parts_in_python_take_time() -> None:
    assert all(once() > 0 for once in parts_in_python().values())
