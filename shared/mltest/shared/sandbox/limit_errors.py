"""What a child failed of, where its limits or its walls are the reason; found behind whatever a library made of it."""

import errno
import re
import signal
from collections.abc import Iterator

from mltest.shared.errors import ChildCrashedError, MltestError, ModelRefusedError, ResourceLimitError
from mltest.shared.sandbox.limits import ChildLimits, Confinement
from mltest.shared.units import bytes_text

_MEMORY_WORDS = re.compile(
    r"bad_alloc|bad allocation|MemoryError|[Oo]ut of memory|[Cc]annot allocate|memory allocation|[Ff]ailed to allocate",
    re.ASCII,
)
_THREAD_WORDS = "can't start new thread"
_DEPTH = 20
"""Of causes that are looked at."""


def limit_error(error: BaseException, limits: ChildLimits) -> MltestError | None:
    """Return what `error`, or what caused it, says of a limit or a wall; None if it is about something else."""
    for cause in _causes(error):
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno == errno.ENOMEM):
            return memory_error(limits)
        if isinstance(cause, OSError) and cause.errno == errno.EFBIG:
            text = f"it writes a file that is larger than {bytes_text(limits.file_bytes)}"
            return ResourceLimitError(text, what="file size")
        if isinstance(cause, PermissionError) and limits.confinement is not Confinement.NONE:
            detail = f"it does what a model may not do here, which is to compute and nothing else ({cause})"
            return ModelRefusedError(detail=detail)
        if not isinstance(cause, MltestError) and _MEMORY_WORDS.search(str(cause)):
            return memory_error(limits)
        if isinstance(cause, RuntimeError) and _THREAD_WORDS in str(cause):
            return ResourceLimitError(what="the number of threads", detail="no more can be started")
    return None


def memory_error(limits: ChildLimits) -> ResourceLimitError:
    """Return that memory is over its limit, with the limit."""
    bound = f", {bytes_text(limits.memory_bytes)}" if limits.memory_bytes else ""
    return ResourceLimitError(f"it needs more memory than its limit allows{bound}", what="memory")


def crash_error(how: str, limits: ChildLimits) -> MltestError:
    """Return why a process died, of which `how` says signal or status and last words."""
    if how.startswith(f"signal {signal.SIGXCPU.name}"):
        return ResourceLimitError(what="processor time", detail=f"the limit is {limits.cpu_s} s")
    if _MEMORY_WORDS.search(how):
        return ResourceLimitError(f"{memory_error(limits).message} ({how})", what="memory")
    return ChildCrashedError(how=how)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_DEPTH):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
