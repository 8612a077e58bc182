"""What a child process does first, and its loop: read a request, answer it.

Imported in the child only. The private pipe is moved away from standard output first, so that whatever a library
prints cannot be mistaken for an answer.
"""

import os
import sys
from collections.abc import Callable, Mapping

from mltest.shared.children.frames import Frame, decode_frame, encode_frame
from mltest.shared.errors import ConversionError, MltestError, ModelInvalidError, PredictionError, UserError
from mltest.shared.sandbox.confine import confine
from mltest.shared.sandbox.limit_errors import limit_error
from mltest.shared.sandbox.limits import PARENT_PID, ChildLimits, limits_from_argument

Handler = Callable[[Frame], Frame]

WALLS = "walls"
"""Command that every child answers: which walls stand around it."""

_MADE_OF_OTHERS = (UserError, PredictionError, ConversionError)
"""Errors that may only say what a library made of a limit that it met."""


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer requests from standard input until it ends; each goes to the handler of its command.

    Before that the process confines itself as its argument says. Whatever a handler raises becomes an answer: an
    `MltestError` with its code, anything unexpected as INTERNAL.
    """
    limits = limits_from_argument(sys.argv[1]) if len(sys.argv) > 1 else ChildLimits()
    walls = confine(limits, parent_pid=int(os.environ.get(PARENT_PID, os.getppid())))
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    known: dict[str, Handler] = {WALLS: lambda _: {"walls": walls}, **handlers}
    for line in sys.stdin.buffer:
        frame = decode_frame(line)
        answers.write(encode_frame(_answer(known, frame, limits)))


def _answer(handlers: Mapping[str, Handler], frame: Frame, limits: ChildLimits) -> Frame:
    try:
        return {"ok": handlers[frame["command"]](frame)}
    except Exception as error:
        return _failure(_told(error, limits))


def _told(error: Exception, limits: ChildLimits) -> MltestError:
    """Return `error` as one of our own."""
    is_own = isinstance(error, MltestError)
    if (not is_own or isinstance(error, _MADE_OF_OTHERS)) and (limit := limit_error(error, limits)):
        return limit
    if isinstance(error, MltestError):
        return error
    if isinstance(error, RecursionError):
        return ModelInvalidError("it is nested too deeply")
    return MltestError(f"{type(error).__name__}: {_first_line(error)}")


def _failure(error: MltestError) -> Frame:
    return {"error": {"code": error.code, "message": error.message}}


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:500]
