import ctypes
import shutil
from pathlib import Path

import pytest

from mltest.agent.native.compiled_libraries import CompiledLibraries
from mltest.shared.errors import CallAbsentError, CompileFailedError
from mltest.shared.native.artifact_flags import artifact_flags

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here; apt install gcc")


def source(folder: Path, text: str = "int answer(void) { return 42; }") -> Path:
    path = folder / "source.c"
    path.write_text(text)
    return path


@needs_compiler
async def test_a_library_is_compiled_once_for_each_source_and_flags(tmp_path: Path) -> None:
    libraries, path = CompiledLibraries(tmp_path / "kept"), source(tmp_path)
    first = await libraries.compiled(path, "a" * 64, {})
    inode = first.path.stat().st_ino
    again = await CompiledLibraries(tmp_path / "kept").compiled(path, "a" * 64, {})
    assert (again.path, again.cost, again.path.stat().st_ino) == (first.path, first.cost, inode)
    others = [
        await libraries.compiled(path, "b" * 64, {}),
        await libraries.compiled(path, "a" * 64, {"optimise": "O1"}),
    ]
    assert len({first.path, *(other.path for other in others)}) == 3


@needs_compiler
async def test_what_it_cost_is_kept_beside_it(tmp_path: Path) -> None:
    found = await CompiledLibraries(tmp_path / "kept").compiled(source(tmp_path), "a" * 64, {})
    assert found.cost.compile_ns > 1_000_000
    assert found.cost.compile_peak_bytes > 1_000_000
    assert found.size_bytes == found.path.stat().st_size > 1000


@needs_compiler
async def test_nothing_is_left_of_a_source_that_does_not_compile(tmp_path: Path) -> None:
    with pytest.raises(CompileFailedError, match="nonsense"):
        await CompiledLibraries(tmp_path / "kept").compiled(source(tmp_path, "nonsense(;"), "a" * 64, {})
    assert list((tmp_path / "kept").iterdir()) == []


@needs_compiler
async def test_libraries_that_no_visit_uses_make_room(tmp_path: Path) -> None:
    folder, path = tmp_path / "kept", source(tmp_path)
    old = await CompiledLibraries(folder).compiled(path, "a" * 64, {})
    libraries = CompiledLibraries(folder, kept_bytes=0)
    used = [await libraries.compiled(path, letter * 64, {}) for letter in "bc"]
    assert not old.path.exists()
    assert all(found.path.exists() for found in used)
    assert len(list(folder.iterdir())) == 4


@needs_compiler
async def test_half_of_a_library_is_compiled_again(tmp_path: Path) -> None:
    path = source(tmp_path)
    first = await CompiledLibraries(tmp_path / "kept").compiled(path, "a" * 64, {})
    first.path.with_suffix(".cost").write_text("{")
    assert (await CompiledLibraries(tmp_path / "kept").compiled(path, "a" * 64, {})).cost.compile_ns > 0


async def test_sources_in_c_plus_plus_have_a_compiler_and_a_standard_of_their_own(tmp_path: Path) -> None:
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler here; apt install g++")
    text = 'template <typename T> T twice(T x) { return x + x; }\nextern "C" int answer() { return twice(21); }\n'
    libraries, path = CompiledLibraries(tmp_path / "kept"), source(tmp_path, text)
    found = await libraries.compiled(path, "a" * 64, {}, "c++")
    assert ctypes.CDLL(str(found.path)).answer() == 42
    with pytest.raises(CompileFailedError, match="template"):
        await libraries.compiled(path, "a" * 64, {})


async def test_without_a_compiler_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CallAbsentError, match="apt install gcc"):
        await CompiledLibraries(tmp_path / "kept").compiled(source(tmp_path), "a" * 64, {})
    with pytest.raises(CallAbsentError, match=r"apt install g\+\+"):
        await CompiledLibraries(tmp_path / "kept").compiled(source(tmp_path), "a" * 64, {}, "c++")


def test_no_option_adds_a_flag_of_its_own() -> None:
    assert "-O2" in artifact_flags({}) and "-ffp-contract=off" in artifact_flags({"anything": "-fplugin=evil.so"})
    with pytest.raises(CompileFailedError, match="it can be O1, O2, O3"):
        artifact_flags({"optimise": "-fplugin=evil.so"})
