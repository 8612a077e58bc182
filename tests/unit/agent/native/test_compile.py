import ctypes
import os
import subprocess
from pathlib import Path

import pytest

from mltest.agent.native import compile as compiling
from mltest.agent.native.compile import compiled_loop
from mltest.agent.native.timed_loop import load_library
from mltest.shared.errors import CallAbsentError, CompileFailedError
from mltest.shared.native import compiler


def compiler_in(folder: Path, script: str) -> str:
    """Put a `cc` into `folder`; return the folder as PATH."""
    folder.mkdir(exist_ok=True)
    path = folder / "cc"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(folder)


def counting_compiler(folder: Path, log: Path, *, version: str = "1") -> str:
    """Return a PATH whose `cc` notes each compilation in `log`, and writes what it was told to write."""
    return compiler_in(
        folder,
        f'case "$1" in --version) echo {version};; *) echo once >> {log}; '
        'while [ "$1" != -o ]; do shift; done; echo library > "$2";; esac',
    )


def test_the_loop_and_the_calls_of_every_runtime_are_in_the_library(tmp_path: Path) -> None:
    library = load_library(compiled_loop(tmp_path))
    for name in ("mltest_time_slice", "mltest_null_call", "mltest_treelite_call", "mltest_onnxruntime_call"):
        assert ctypes.cast(getattr(library, name), ctypes.c_void_p).value


def test_nothing_but_the_library_stays_in_the_folder(tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == [] and [compiled_loop(tmp_path)] == list(tmp_path.iterdir())


def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("PATH", counting_compiler(tmp_path / "bin", log) + ":/usr/bin:/bin")
    assert compiled_loop(tmp_path) == compiled_loop(tmp_path)
    assert log.read_text().splitlines() == ["once"]


def test_another_version_of_the_compiler_compiles_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("PATH", counting_compiler(tmp_path / "bin", log) + ":/usr/bin:/bin")
    first = compiled_loop(tmp_path)
    counting_compiler(tmp_path / "bin", log, version="2")
    assert compiled_loop(tmp_path) != first
    assert log.read_text().splitlines() == ["once", "once"]


def test_other_flags_and_other_sources_are_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", counting_compiler(tmp_path / "bin", tmp_path / "log") + ":/usr/bin:/bin")
    first = compiled_loop(tmp_path)
    monkeypatch.setattr(compiling, "FLAGS", (*compiling.FLAGS, "-g"))
    second = compiled_loop(tmp_path)
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "other.c").write_text("int other;")
    monkeypatch.setattr(compiling, "_FOLDER", sources)
    assert len({first, second, compiled_loop(tmp_path)}) == 3


def test_without_a_compiler_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CallAbsentError, match=r"need a C compiler .*apt install gcc .*dnf install gcc"):
        compiled_loop(tmp_path)


def test_what_a_failing_compiler_says_is_in_the_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'test "$1" = --version && exit 0; echo "timed_loop.c:5: fatal error: time.h: No such file" >&2; exit 1'
    monkeypatch.setenv("PATH", compiler_in(tmp_path / "bin", script) + ":/usr/bin:/bin")
    with pytest.raises(CallAbsentError, match=r"time\.h: No such file.*apt install gcc"):
        compiled_loop(tmp_path)
    assert list(tmp_path.glob("native-*")) == []


def test_a_compiler_that_cannot_be_started_is_an_absent_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "cc").write_bytes(b"\x7fELF nothing")
    (broken / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(broken))
    with pytest.raises(CallAbsentError, match="does not work"):
        compiled_loop(tmp_path)


def test_what_is_no_library_is_an_absent_call(tmp_path: Path) -> None:
    (tmp_path / "native.so").write_text("nothing")
    with pytest.raises(CallAbsentError, match="cannot be loaded"):
        load_library(tmp_path / "native.so")


def test_the_sources_compile_without_a_warning(tmp_path: Path) -> None:
    sources = [str(path) for path in Path(compiling.__file__).parent.glob("*.c")]
    command = ["cc", *compiling.FLAGS, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", os.devnull, *sources]
    subprocess.run(command, check=True, cwd=tmp_path)


def test_a_compiler_that_takes_too_long_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "model.c"
    source.write_text("int x;")
    monkeypatch.setattr(compiler, "_TIMEOUT_S", 0.2)
    compiler_in(tmp_path / "bin", "exec cat /dev/zero > /dev/null")
    with pytest.raises(CompileFailedError) as failed:
        compiler.compile_library(str(tmp_path / "bin" / "cc"), [source], tmp_path / "model.so", [])
    assert "took longer than 0.2 s" in failed.value.message
    assert "apt install" not in failed.value.message
    assert "Command" not in failed.value.message
