"""Hostile C, compiled by the real compiler in the real confined child."""

import shutil
from pathlib import Path

import pytest

from mltest.agent.native.compiling import compiled_in_child
from mltest.shared.errors import CompileFailedError, DeadlineError, MltestError
from tests.hostile.c_sources import (
    ENDLESS_MACRO,
    HONEST,
    HUGE_OUTPUT,
    INCLUDED_BYTES,
    INCLUDED_ENVIRONMENT,
    INCLUDED_FILE,
    LOADED_CODE,
    MACRO_BOMB,
    MANY_ERRORS,
)
from tests.hostile.processes import descendants

pytestmark = [
    pytest.mark.promise(17),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here; apt install gcc"),
]


async def compiled(source: bytes, folder: Path, *, timeout_s: float = 60) -> Path:
    path = folder / "source"
    path.write_bytes(source)
    return await compiled_in_child([path], folder / "work", timeout_s=timeout_s)


async def failure(source: bytes, folder: Path, *, timeout_s: float = 60) -> MltestError:
    with pytest.raises(MltestError) as raised:
        await compiled(source, folder, timeout_s=timeout_s)
    assert descendants() == set()
    return raised.value


@pytest.mark.parametrize("source", [INCLUDED_FILE, INCLUDED_BYTES, INCLUDED_ENVIRONMENT])
@pytest.mark.promise(17)
async def test_a_compiler_sees_no_file_of_this_machine(source: bytes, tmp_path: Path) -> None:
    error = await failure(source, tmp_path)
    assert type(error) is CompileFailedError
    assert "Permission denied" in error.message or "file not found" in error.message
    assert "root:" not in error.message


@pytest.mark.promise(17)
async def test_only_the_first_lines_of_many_errors_are_told(tmp_path: Path) -> None:
    error = await failure(MANY_ERRORS, tmp_path)
    assert type(error) is CompileFailedError
    assert "error:" in error.message and len(error.message.splitlines()) <= 21


@pytest.mark.promise(17)
async def test_a_macro_that_has_no_end_meets_a_limit(tmp_path: Path) -> None:
    assert isinstance(await failure(MACRO_BOMB, tmp_path, timeout_s=30), CompileFailedError | DeadlineError)


@pytest.mark.promise(17)
async def test_a_deadline_leaves_no_part_of_the_compiler_behind(tmp_path: Path) -> None:
    error = await failure(ENDLESS_MACRO, tmp_path, timeout_s=3)
    assert type(error) is DeadlineError
    assert "compiling took longer than 3 s" in error.message


@pytest.mark.promise(17)
async def test_an_output_over_its_limit_is_not_written(tmp_path: Path) -> None:
    assert type(await failure(HUGE_OUTPUT, tmp_path)) is CompileFailedError
    assert list((tmp_path / "work").glob("native-*")) == []


@pytest.mark.promise(17)
async def test_code_that_runs_when_it_is_loaded_does_not_run_when_it_is_compiled(tmp_path: Path) -> None:
    library = await compiled(LOADED_CODE, tmp_path)
    assert library.exists()
    assert list(tmp_path.rglob("canary")) == []


@pytest.mark.promise(17)
async def test_an_honest_source_is_compiled_once(tmp_path: Path) -> None:
    first = await compiled(HONEST, tmp_path)
    made_ns = first.stat().st_mtime_ns
    assert await compiled(HONEST, tmp_path) == first
    assert first.stat().st_mtime_ns == made_ns
