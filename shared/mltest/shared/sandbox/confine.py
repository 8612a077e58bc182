"""Puts up every wall that this kernel has; what it lacks is left out, and never fatal."""

from pathlib import Path

from mltest.shared.sandbox.gpu_devices import gpu_grants
from mltest.shared.sandbox.landlock import confine_files
from mltest.shared.sandbox.landlock_rules import Grant
from mltest.shared.sandbox.limits import ChildLimits, Confinement
from mltest.shared.sandbox.namespaces import leave_shared_namespaces
from mltest.shared.sandbox.paths import grants_for
from mltest.shared.sandbox.privileges import (
    adopt_orphans,
    die_with,
    gain_no_privileges,
    give_up_capabilities,
    hide_memory,
)
from mltest.shared.sandbox.resource_limits import limit_resources
from mltest.shared.sandbox.seccomp import confine_calls
from mltest.shared.sandbox.thread_locks import use_thread_semaphores

_SHARED_MEMORY = "/dev/shm"  # noqa: S108  # where the C library keeps semaphores, not a place for files


def confine(limits: ChildLimits, parent_pid: int) -> tuple[str, ...]:
    """Limit this process, which works in its own folder and has one thread; return the names of the walls that stand.

    Nothing undoes it.
    """
    die_with(parent_pid)
    adopt_orphans()
    gain_no_privileges()
    limit_resources(limits)
    if limits.confinement is Confinement.NONE:
        return ()
    has_namespaces = leave_shared_namespaces()
    give_up_capabilities()
    # Changing credentials forgot it (prctl(2), PR_SET_PDEATHSIG).
    die_with(parent_pid)
    version = _confine_files(limits, has_shared_memory=has_namespaces)
    has_filter = confine_calls(limits.confinement, uses_gpu=limits.uses_gpu)
    if has_filter and limits.confinement is Confinement.MODEL:
        # Where processes can be started, whoever ends them has to find them by what their memory says.
        hide_memory()
    walls = {f"landlock {version}": version, "seccomp": has_filter, "namespaces": has_namespaces, "rlimits": True}
    return tuple(name for name, stands in walls.items() if stands)


def _confine_files(limits: ChildLimits, *, has_shared_memory: bool) -> int:
    runs_programs = limits.confinement is Confinement.COMPILER
    grants = grants_for(Path.cwd(), limits.readable, runs_programs=runs_programs)
    if limits.uses_gpu:
        grants |= gpu_grants()
    if has_shared_memory:
        grants[_SHARED_MEMORY] = Grant.WORK
    elif not runs_programs:
        use_thread_semaphores()
    return confine_files(grants)
