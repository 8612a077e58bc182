"""Makes and removes the environment of one runtime; whatever ends it, nothing half-made is left that could be used.

An environment holds the runtime's packages only, from wheels, in the versions that this software is checked with. Not
this software itself: workers get it from the agent that starts them (`mltest.shared.children.other_interpreter`), so
that an upgrade of the agent needs no new environments.
"""

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mltest.agent.environments.commands import Say, said_by
from mltest.agent.environments.environments import MAX_FAILURE_CHARS, failure_file, interpreter_in
from mltest.agent.environments.pip_reason import pip_reason
from mltest.agent.runtimes.role import RuntimeNeeds
from mltest.shared.errors import RequestInvalidError, RuntimeInstallError
from mltest.shared.state import locked_state

PINS = Path(__file__).with_name("constraints.txt")
"""Of the project: the very file."""

_CHECK = """
import importlib, importlib.metadata, sys
for name in sys.argv[2:]:
    importlib.import_module(name)
print(importlib.metadata.version(sys.argv[1]))
"""


def install(needs: RuntimeNeeds, folder: Path, pip_options: Sequence[str], say: Say) -> str:
    """Make the environment of a runtime in `folder`, in place of one that is there; return the runtime's version.

    Raises:
        RuntimeInstallError: why it cannot be made; the reason is kept beside it.
        RequestInvalidError: this process cannot write there.
        StoreBusyError: another process installs or removes there.

    """
    with _changing(folder, needs.name):
        try:
            return _installed(needs, folder, pip_options, say)
        except RuntimeInstallError as error:
            reason = str(error.facts["detail"])[:MAX_FAILURE_CHARS]
            failure_file(folder, needs.name).write_text(reason, encoding="utf-8")
            raise


def remove(name: str, folder: Path) -> None:
    """Remove the environment of a runtime from `folder`, and what is known of a failed attempt to make one.

    Raises:
        RequestInvalidError: there is none, or this process cannot write there.
        StoreBusyError: another process installs or removes there.

    """
    with _changing(folder, name):
        is_there = (folder / name).is_dir()
        has_failed = failure_file(folder, name).is_file()
        if not is_there and not has_failed:
            detail = f"{name} has no environment of its own in {folder}"
            raise RequestInvalidError(detail=detail, next_step="mltest-agent runtimes lists those that have")
        failure_file(folder, name).unlink(missing_ok=True)
        if is_there:
            _put_aside(folder, name)


def _installed(needs: RuntimeNeeds, folder: Path, pip_options: Sequence[str], say: Say) -> str:
    if needs.machines and platform.machine() not in needs.machines:
        detail = f"there are no wheels of {needs.packages[0]} for {platform.machine()}"
        raise RuntimeInstallError(runtime=needs.name, detail=detail)
    aside = Path(tempfile.mkdtemp(prefix=_prefix(needs.name), dir=folder))
    aside.chmod(0o755)
    say(f"making a virtual environment with Python {platform.python_version()}")
    _run(needs, [sys.executable, "-I", "-m", "venv", "--without-pip", str(aside)], aside, say)
    _run(needs, _pip_command(needs, interpreter_in(aside), pip_options), aside, say)
    say(f"importing {', '.join(needs.modules)}")
    check = [str(interpreter_in(aside)), "-I", "-c", _CHECK, *needs.packages[:1], *needs.modules]
    version = _run(needs, check, aside, lambda _: None)[-1]
    if (folder / needs.name).exists():
        _put_aside(folder, needs.name)
    aside.rename(folder / needs.name)
    failure_file(folder, needs.name).unlink(missing_ok=True)
    return version


def _pip_command(needs: RuntimeNeeds, python: Path, pip_options: Sequence[str]) -> list[str]:
    return [
        *(sys.executable, "-I", "-m", "pip", "--python", str(python), "install"),
        *("--only-binary", ":all:", "--constraint", str(PINS), "--no-input", "--progress-bar", "off"),
        *("--disable-pip-version-check", *pip_options, *needs.packages, *needs.further_packages),
    ]


def _run(needs: RuntimeNeeds, command: Sequence[str], folder: Path, say: Say) -> list[str]:
    status, lines = said_by(command, folder, say)
    if status:
        machine = f"Python {platform.python_version()} on {platform.machine()} ({' '.join(platform.libc_ver())})"
        reason = pip_reason(lines, machine) if "pip" in command else lines[-1] if lines else f"status {status}"
        raise RuntimeInstallError(runtime=needs.name, detail=reason)
    return lines


@contextmanager
def _changing(folder: Path, name: str) -> Iterator[None]:
    """Be the only one who changes `folder`, and remove what others have left there half-made, before and after."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            # Agents of other users have to see it, whatever this one's umask is.
            folder.chmod(0o755)
    except OSError as error:
        detail = f"no environment can be made in {folder}: {error.strerror}"
        step = "name another folder with --folder, or be the user whom it belongs to"
        raise RequestInvalidError(detail=detail, next_step=step) from error
    with locked_state(folder):
        _clean(folder, name)
        try:
            yield
        finally:
            _clean(folder, name)


def _put_aside(folder: Path, name: str) -> None:
    """Take the environment out of use, at once; it is removed at the end."""
    (folder / name).rename(Path(tempfile.mkdtemp(prefix=_prefix(name), dir=folder)) / name)


def _clean(folder: Path, name: str) -> None:
    for path in folder.glob(f"{_prefix(name)}*"):
        shutil.rmtree(path, ignore_errors=True)


def _prefix(name: str) -> str:
    return f".{name}."
