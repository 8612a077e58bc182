"""What a machine was like while a job was measured, in one line."""

from collections.abc import Iterator

from mltest.coordinator.analysis.drift_text import drift_text
from mltest.coordinator.analysis.machine_policy import ENERGY
from mltest.coordinator.report.figure_text import REFUSED, UNRELIABLE, class_text
from mltest.shared.domain import AgentMachine, FindingLevel, GpuState, MachineClass, MachineState

_MEANINGS = {
    FindingLevel.REFUSE: f"no rank by figures marked {REFUSED}",
    FindingLevel.UNRELIABLE: f"unreliable, marked {UNRELIABLE}",
    FindingLevel.WARN: "warnings",
}


def machine_text(machine: AgentMachine) -> str:
    """Return class, load, canary, clocks and temperature of a machine; what could not be read is left out."""
    visits = f"{machine.visit_count} visit{'' if machine.visit_count == 1 else 's'}"
    worth = class_text(machine.state.machine_class)
    facts = [*_facts(machine.state), *([drift_text(machine.speed)] if machine.speed else [])]
    return f"{machine.agent_name}: {worth} in {visits}; {'; '.join(facts)}"


def finding_texts(machine: AgentMachine, *, has_warnings: bool = True, has_energy: bool = True) -> Iterator[str]:
    """Yield what was found about a machine and what is made of it, each level in one sentence, the worst first.

    What is about nothing but energy says nothing where none was measured: without `has_energy` it is left out.
    """
    findings = [one for one in machine.findings if has_energy or one.concerns != (ENERGY,)]
    for level, meaning in _MEANINGS.items():
        found = [one for one in findings if one.level is level]
        if found and (has_warnings or level is not FindingLevel.WARN):
            texts = "; ".join(f"{one.text} [{', '.join(one.concerns)}]" for one in found)
            yield f"{meaning}: {texts}"


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
    yield from map(_gpu, state.gpus)


def _gpu(gpu: GpuState) -> str:
    clock = "" if gpu.clock_hz is None else f" at {gpu.clock_hz / 1e9:.2f} GHz"
    return f"GPU {gpu.index}: {gpu.name}{clock}, driver {gpu.driver_version or 'unknown'}"
