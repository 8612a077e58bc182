"""How well a sandbox holds, from what was tried. Pure."""

from collections.abc import Collection

from mltest.shared.domain import SandboxInfo, SandboxLevel

_OPEN_WITHOUT = ("reading other files", "TCP")
"""Where both pass, a model may do what the agent may."""
_NEEDS = {"landlock": "Landlock (Linux 5.13, in the list of /sys/kernel/security/lsm)", "seccomp": "seccomp filters"}


def sandbox_level(walls: Collection[str], passed: Collection[str], failure: str = "") -> SandboxInfo:
    """Return what `walls` are worth, past which the attempts `passed` got; with `failure` nothing is known of them."""
    if failure:
        return SandboxInfo(level=SandboxLevel.NONE, reason=failure)
    level = SandboxLevel.FULL if not passed else SandboxLevel.DEGRADED
    if all(name in passed for name in _OPEN_WITHOUT):
        level = SandboxLevel.NONE
    return SandboxInfo(level=level, reason=_reason(walls, passed), walls=tuple(walls))


def is_at_least(level: SandboxLevel, wanted: SandboxLevel) -> bool:
    """Return whether `level` is `wanted` or better."""
    order = list(SandboxLevel)
    return order.index(level) >= order.index(wanted)


def _reason(walls: Collection[str], passed: Collection[str]) -> str:
    if not passed:
        return ""
    missing = [text for name, text in _NEEDS.items() if not any(wall.startswith(name) for wall in walls)]
    because = f"; the kernel lacks {' and '.join(missing)}" if missing else ""
    return f"not stopped: {', '.join(passed)}{because}"
