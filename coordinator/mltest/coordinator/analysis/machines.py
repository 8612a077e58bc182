"""What the machines of a job were like: one summary for each agent, from all of its visits."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Protocol

from mltest.coordinator.analysis.machine_policy import findings_of
from mltest.shared.domain import AgentMachine, MachineClass, MachineState

WORST_FIRST = (MachineClass.NOISY, MachineClass.UNSPECIFIED, MachineClass.SHARED, MachineClass.DEDICATED)


class VisitState(Protocol):
    """What an agent's machine was like in one visit."""

    @property
    def agent_id(self) -> str:
        """The agent."""
        ...

    @property
    def state(self) -> MachineState:
        """What it was like."""
        ...


def worst_class(classes: Iterable[MachineClass]) -> MachineClass:
    """Return the class of `classes`, at least one, whose absolute numbers can be believed least."""
    return min(classes, key=WORST_FIRST.index)


def agent_machines(states: Iterable[VisitState], agent_names: Mapping[str, str]) -> tuple[AgentMachine, ...]:
    """Return a summary for each agent.

    Args:
        states: of all visits that timed anything, in their order.
        agent_names: by identity.

    """
    by_agent: dict[str, list[MachineState]] = {}
    for one in states:
        by_agent.setdefault(one.agent_id, []).append(one.state)
    return tuple(
        AgentMachine(
            agent_id=agent_id,
            agent_name=agent_names.get(agent_id, agent_id),
            visit_count=len(found),
            state=_summary(found),
            findings=findings_of(found),
        )
        for agent_id, found in by_agent.items()
    )


def _summary(states: Sequence[MachineState]) -> MachineState:
    celsius = [state.temperature_celsius for state in states if state.temperature_celsius is not None]
    lowest_hz = [state.frequency_min_hz for state in states if state.frequency_min_hz is not None]
    highest_hz = [state.frequency_max_hz for state in states if state.frequency_max_hz is not None]
    swapped = [state.swapped_bytes for state in states if state.swapped_bytes is not None]
    package = [state.package_load_ratio for state in states if state.package_load_ratio is not None]
    return MachineState(
        machine_class=worst_class(state.machine_class for state in states),
        foreign_load_ratio=median(state.foreign_load_ratio for state in states),
        steal_ratio=median(state.steal_ratio for state in states),
        canary_cv_ratio=median(state.canary_cv_ratio for state in states),
        throttled_slice_count=sum(state.throttled_slice_count for state in states),
        temperature_celsius=max(celsius, default=None),
        frequency_min_hz=min(lowest_hz, default=None),
        frequency_max_hz=max(highest_hz, default=None),
        settings=states[-1].settings,
        throttle_causes=tuple(sorted({cause for state in states for cause in state.throttle_causes})),
        swapped_bytes=sum(swapped) if swapped else None,
        swap_used_bytes=states[-1].swap_used_bytes,
        package_load_ratio=median(package) if package else None,
        split_core_count=states[-1].split_core_count,
        gpus=states[-1].gpus,
    )
