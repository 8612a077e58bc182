"""Whether the machine left a round alone; what cannot be said from readings of a meter."""

from mltest.shared.domain import RoundState
from mltest.shared.energy.reading import Absent

MAX_FOREIGN_CORES = 0.05
"""Others may use a twentieth of one processor; what they use is in the joules of the candidate."""
_MAX_SLEPT_NS = 1_000_000
"""CLOCK_MONOTONIC stands still while a machine is suspended, its counters may not."""


def unsound_reason(state: RoundState) -> Absent | None:
    """Return why a round says nothing, by what the machine was like meanwhile; None if nothing speaks against it.

    Whoever knows of something else that spoils a round adds it to `RoundState.faults`.
    """
    if state.faults:
        return Absent("; ".join(state.faults))
    if state.is_throttled:
        return Absent("the machine was throttled meanwhile", "cool the machine, or lower its clock")
    if state.slept_ns > _MAX_SLEPT_NS:
        return Absent(f"the machine was suspended for {state.slept_ns / 1e9:.3g} s meanwhile")
    if state.foreign_cores is not None and state.foreign_cores > MAX_FOREIGN_CORES:
        return Absent(
            f"others used {100 * state.foreign_cores:.0f} % of a processor meanwhile",
            "mltest-agent doctor says what else runs on this machine",
        )
    return None
