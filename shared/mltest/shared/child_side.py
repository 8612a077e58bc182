"""What a child process does first, and its loop: read a request, answer it.

Imported in the child only. The private pipe is moved away from standard output first, so that whatever a library
prints cannot be mistaken for an answer.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping

from mltest.shared.errors import MltestError
from mltest.shared.frames import Frame, decode_frame, encode_frame

Handler = Callable[[Frame], Frame]

PARENT_PID = "MLTEST_PARENT_PID"
"""Environment variable with the process that started this one; another parent means that it died meanwhile."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
"""prctl(2)."""


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer requests from standard input until it ends; each goes to the handler of its command.

    Whatever a handler raises becomes an answer: an `MltestError` with its code, anything unexpected as INTERNAL.
    """
    _die_with_parent()
    _limit(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {})
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        frame = decode_frame(line)
        answers.write(encode_frame(_answer(handlers, frame)))


def _answer(handlers: Mapping[str, Handler], frame: Frame) -> Frame:
    try:
        return {"ok": handlers[frame["command"]](frame)}
    except MltestError as error:
        return _failure(error.code, error.message)
    except MemoryError:
        return _failure("RESOURCE_LIMIT", "it needs more memory than its limit allows")
    except RecursionError:
        return _failure("MODEL_INVALID", "it is nested too deeply")
    except Exception as error:
        return _failure("INTERNAL", f"{type(error).__name__}: {_first_line(error)}")


def _failure(code: str, message: str) -> Frame:
    return {"error": {"code": code, "message": message}}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:500]


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.environ.get(PARENT_PID, str(os.getppid())) != str(os.getppid()):
        os._exit(1)


def _limit(limits: Mapping[str, int]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes := limits.get("memory_bytes"):
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    if file_bytes := limits.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
