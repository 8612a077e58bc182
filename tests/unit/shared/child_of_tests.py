"""A child process that does whatever its tests ask for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.errors import ModelInvalidError


def _echo(frame: Frame) -> Frame:
    return {"said": frame["text"]}


def _print(frame: Frame) -> Frame:
    sys.stdout.write("a library that prints\n")
    sys.stdout.flush()
    os.write(1, b'{"ok": {"said": "forged"}}\n')
    return {"said": "after printing"}


def _crash(frame: Frame) -> Frame:
    sys.stderr.write("last words\n")
    sys.stderr.flush()
    name = frame["signal"]
    os.kill(os.getpid(), name if isinstance(name, int) else signal.Signals[name])
    return {}


def _exit(frame: Frame) -> Frame:
    os._exit(frame["status"])


def _raise(frame: Frame) -> Frame:
    errors = {
        "own": ModelInvalidError(detail="it is a picture"),
        "memory": MemoryError(),
        "recursion": RecursionError(),
        "unexpected": KeyError("where"),
    }
    raise errors[frame["kind"]]


def _hang(frame: Frame) -> Frame:
    signal.pause()
    return {}


def _start_grandchild(frame: Frame) -> Frame:
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    return {"pid": process.pid}


def _leave_behind(frame: Frame) -> Frame:
    """Leave a process that no parent, session or variable leads to; return its id once it runs another program."""
    told, tell = os.pipe()
    if (between := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(tell, str(os.getpid()).encode())
            if not frame.get("keeps_pipes"):
                os.closerange(0, tell)
            os.execve("/bin/sleep", ["sleep", frame["seconds"]], {})
        os._exit(0)
    os.close(tell)
    os.waitpid(between, 0)
    with os.fdopen(told) as told_text:
        return {"pid": int(told_text.read())}


def _allocate(frame: Frame) -> Frame:
    return {"size": len(bytearray(frame["size_bytes"]))}


def _copy(frame: Frame) -> Frame:
    Path(frame["target"]).write_bytes(Path(frame["source"]).read_bytes())
    return {}


def _forge(frame: Frame) -> Frame:
    path = Path(frame["path"])
    match frame["kind"]:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("/etc/hostname")
    return {}


def _burn(frame: Frame) -> Frame:
    end_s = time.process_time() + frame["ticks"] / os.sysconf("SC_CLK_TCK")
    while time.process_time() < end_s:
        pass
    return {}


def _environment(frame: Frame) -> Frame:
    return {"variables": sorted(os.environ), "folder": str(Path.cwd()), "modules": sorted(sys.modules)}


if __name__ == "__main__":
    serve(
        {
            "echo": _echo,
            "print": _print,
            "crash": _crash,
            "exit": _exit,
            "raise": _raise,
            "hang": _hang,
            "grandchild": _start_grandchild,
            "leave_behind": _leave_behind,
            "allocate": _allocate,
            "environment": _environment,
            "copy": _copy,
            "forge": _forge,
            "burn": _burn,
        }
    )
