"""Which meters of an agent a plan can use. Pure."""

from fnmatch import fnmatchcase

from mltest.shared.domain import AgentInfo, EnergySpec, MeterInfo


def fitting_meters(agent: AgentInfo, energy: EnergySpec | None) -> tuple[MeterInfo, ...]:
    """Return the meters of an agent by which `energy` can be measured."""
    if energy is None or not agent.measures_energy:
        return ()
    return tuple(
        meter
        for meter in agent.meters
        if meter.is_available
        and any(energy.boundary in ("", name) for name in meter.boundaries)
        and (not energy.meters or any(fnmatchcase(meter.name, pattern) for pattern in energy.meters))
    )
