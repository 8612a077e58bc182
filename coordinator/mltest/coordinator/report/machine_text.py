"""What a machine was like while a job was measured, in one line."""

from collections.abc import Iterator

from mltest.coordinator.analysis.drift_text import drift_text
from mltest.coordinator.report.figure_text import class_text
from mltest.shared.domain import AgentMachine, MachineClass, MachineState


def machine_text(machine: AgentMachine) -> str:
    """Return class, load, canary, clocks and temperature of a machine; what could not be read is left out."""
    visits = f"{machine.visit_count} visit{'' if machine.visit_count == 1 else 's'}"
    worth = class_text(machine.state.machine_class)
    facts = [*_facts(machine.state), *([drift_text(machine.speed)] if machine.speed else [])]
    return f"{machine.agent_name}: {worth} in {visits}; {'; '.join(facts)}"


def _facts(state: MachineState) -> Iterator[str]:
    if state.machine_class is MachineClass.UNSPECIFIED and not state.foreign_load_ratio:
        yield "its load could not be read"
    else:
        yield f"foreign load {state.foreign_load_ratio:.0%}"
        yield f"steal {state.steal_ratio:.1%}"
    if state.canary_cv_ratio:
        yield f"a fixed piece of work varied by {state.canary_cv_ratio:.1%}"
    if state.frequency_min_hz is not None and state.frequency_max_hz is not None:
        yield f"clock {state.frequency_min_hz / 1e9:.2f} to {state.frequency_max_hz / 1e9:.2f} GHz"
    else:
        yield "clock cannot be read"
    yield "temperature cannot be read" if state.temperature_celsius is None else f"{state.temperature_celsius:.0f} °C"
    if count := state.throttled_slice_count:
        yield f"{count} slice{'' if count == 1 else 's'} throttled, not used"
