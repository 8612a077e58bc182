"""Why energy was not measured on an agent, and what mends that. Pure."""

from collections.abc import Sequence

from mltest.coordinator.job.fitting_meters import fitting_meters
from mltest.coordinator.store import StoredEnergyAbsent
from mltest.shared.domain import AgentInfo, EnergyAbsent, EnergySpec, MeterInfo

_NO_METER = "it has no known counter or sensor of energy; a plug on its network can be named in its MLTEST_PLUGS"


def energy_absence(
    agent: AgentInfo, stored: Sequence[StoredEnergyAbsent], candidate_id: str, wanted: EnergySpec | None = None
) -> str:
    """Return why `agent` recorded no energy of a candidate, as one sentence for people.

    Args:
        agent: as it took part.
        stored: what agents told in their visits.
        candidate_id: of the candidate.
        wanted: what the plan asks for; None if nobody knows.

    """
    told = told_absences(agent, stored, candidate_id)
    reasons = [_sentence(one.meter, one.reason, one.remedy) for one in told]
    if not reasons:
        reasons = [_sentence(one.name, one.reason, one.remedy) for one in agent.meters if not one.is_available]
    usable = [one for one in agent.meters if one.is_available]
    if usable and not told:
        return f"agent {agent.name}: {_unused(agent, usable, wanted)}"
    return f"agent {agent.name}: {'; '.join(dict.fromkeys(reasons)) or _NO_METER}"


def unmet_wish(agent: AgentInfo, wanted: EnergySpec | None) -> str:
    """Return why a plan that names a boundary or meters gets nothing of `agent`; empty if it does, or names none."""
    if wanted is None or not (wanted.boundary or wanted.meters) or fitting_meters(agent, wanted):
        return ""
    return energy_absence(agent, (), "", wanted)


def told_absences(agent: AgentInfo, stored: Sequence[StoredEnergyAbsent], candidate_id: str) -> list[EnergyAbsent]:
    """Return what `agent` said in its visits of energy that it could not measure."""
    return [
        one.absent for one in stored if one.agent_id == agent.agent_id and one.absent.candidate_id in ("", candidate_id)
    ]


def _unused(agent: AgentInfo, usable: Sequence[MeterInfo], wanted: EnergySpec | None) -> str:
    if not agent.measures_energy:
        return "its software is too old to measure energy; update it"
    names = ", ".join(f"{one.name} ({', '.join(one.boundaries) or 'recorded only'})" for one in usable)
    if wanted is not None and not fitting_meters(agent, wanted):
        return f"the plan asks for {_wanted(wanted)}, and it has {names}"
    return f"no round of it was measured; it has {names}"


def _wanted(energy: EnergySpec) -> str:
    """Return what the plan asks of a meter."""
    boundary = f"the boundary {energy.boundary}" if energy.boundary else "a boundary that can be ranked"
    return f"{boundary} of a meter {' or '.join(energy.meters)}" if energy.meters else boundary


def _sentence(meter: str, reason: str, remedy: str) -> str:
    head = f"{meter}: {reason}" if meter else reason
    return f"{head}; {remedy}" if remedy else head
