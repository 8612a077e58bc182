"""The compiled loop of native calls, for the workers of one visit."""

from dataclasses import dataclass
from pathlib import Path

from mltest.agent.native.compiling import loop_in_child
from mltest.agent.worker.form import NATIVE_CALL
from mltest.shared.domain import LatencySpec
from mltest.shared.errors import MltestError


@dataclass(frozen=True, slots=True)
class LoopLibrary:
    """Where it is, or why there is none."""

    path: Path | None = None
    reason: str = ""


NO_LOOP = LoopLibrary(reason="No native call was asked for.")


async def loop_for(latency: LatencySpec | None, folder: Path) -> LoopLibrary:
    """Compile the loop into `folder`, unless it is there or nothing needs it."""
    if latency is None or NATIVE_CALL not in latency.metrics:
        return NO_LOOP
    try:
        return LoopLibrary(path=await loop_in_child(folder))
    except MltestError as error:
        return LoopLibrary(reason=error.message)
