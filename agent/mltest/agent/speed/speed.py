"""The speed check as the daemon asks for it: done by a child, so that nothing of it stays in this process."""

from pathlib import Path

from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.shared.children.child import ChildLimits
from mltest.shared.domain import SpeedCheck, SpeedProcess
from mltest.shared.errors import SpeedCheckError

_MODULE = "mltest.agent.speed.speed_child"
_TIMEOUT_S = 240.0


async def checked_speed(work_folder: Path) -> SpeedCheck:
    """Return how fast the machine is now; nothing else should run meanwhile.

    Args:
        work_folder: for the child, and for the compiled work, which stays there.

    Raises:
        MltestError: it could not be found out.

    """
    child = await ExecLauncher().room(work_folder).spawn(_MODULE, limits=ChildLimits(), environment={})
    try:
        frame = {"command": "check", "folder": str(work_folder / "speed")}
        answer = await child.request(frame, timeout_s=_TIMEOUT_S, what="checking the machine's speed")
    finally:
        await child.kill()
    try:
        return SpeedCheck(
            work=answer["work"],
            checked_unix_ns=answer["checked_unix_ns"],
            processes=tuple(SpeedProcess(cpu=one["cpu"], part_ns=one["part_ns"]) for one in answer["processes"]),
        )
    except (KeyError, TypeError) as error:
        raise SpeedCheckError(detail=f"its answer makes no sense ({error!r})") from error
