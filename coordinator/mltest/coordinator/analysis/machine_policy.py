"""The table of findings: what the state of a machine says against its figures, and which of them it concerns. Pure.

mltest measures machines as they are configured. What it finds is told (warn), marks figures (unreliable), or takes
them out of every ranking (refuse); the values stay.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from mltest.shared.domain import FindingLevel, MachineFinding, MachineState
from mltest.shared.units import bytes_text

TIME, MEMORY, ENERGY, GPU = "time", "memory", "energy", "gpu"
"""Kinds of figures; gpu: every figure of a candidate that runs on one, and energy of one."""

LOAD_RATIO = 0.05
STEAL_RATIO = 0.01
SLOPE_CELSIUS_PER_S = 0.1
SLOPE_CELSIUS = 2.0
"""A smaller rise is one step of a usual sensor, whatever its slope."""
UNDERVOLTAGE = "undervoltage"
"""Among the causes of throttling that agents name."""

States = Sequence[MachineState]
"""Of the visits of one agent in a job, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table."""

    key: str
    level: FindingLevel
    concerns: tuple[str, ...]
    found: Callable[[States], str]
    """Says what was found; "" if it was not."""


def findings_of(states: States) -> tuple[MachineFinding, ...]:
    """Return what the table says of the visits of one agent, what matters most first."""
    found = [
        MachineFinding(key=row.key, level=row.level, concerns=row.concerns, text=text)
        for row in TABLE
        if (text := row.found(states))
    ]
    order = tuple(FindingLevel)
    return tuple(sorted(found, key=lambda finding: -order.index(finding.level)))


def _governor(states: States) -> str:
    governor = states[-1].settings.get("governor", "")
    return f"governor {governor}" if governor not in ("", "performance") else ""


def _turbo(states: States) -> str:
    return "turbo is on" if states[-1].settings.get("turbo") == "on" else ""


def _split_cores(states: States) -> str:
    count = states[-1].split_core_count
    if states[-1].settings.get("smt") != "on" or not count:
        return ""
    return f"SMT is on, and the agent may use only one hardware thread of {count} core{'' if count == 1 else 's'}"


def _battery(states: States) -> str:
    return "on battery" if any(state.settings.get("power") == "battery" for state in states) else ""


def _load(states: States) -> str:
    ratio = median(state.foreign_load_ratio for state in states)
    return f"others used {ratio:.0%} of the processors" if ratio > LOAD_RATIO else ""


def _slope(states: States) -> str:
    slopes = [found for state in states if (found := _slope_of(state)) is not None]
    slope = max(slopes, default=0.0)
    return f"its temperature rose by {slope:.1f} °C/s" if slope > SLOPE_CELSIUS_PER_S else ""


def _slope_of(state: MachineState) -> float | None:
    begin, end, span_s = state.temperature_start_celsius, state.temperature_celsius, state.watched_s
    if begin is None or end is None or not span_s or end - begin < SLOPE_CELSIUS:
        return None
    return (end - begin) / span_s


def _aslr(states: States) -> str:
    fixed = states[-1].settings.get("aslr", "") in ("0", "1")
    return "ASLR is off: every process has the same layout of memory" if fixed else ""


def _virtual(states: States) -> str:
    what = states[-1].settings.get("virtualisation", "")
    return f"{what}: energy of the host is not that of this machine" if "virtual machine" in what else ""


def _old_swap(states: States) -> str:
    used = states[-1].swap_used_bytes
    return f"{bytes_text(used)} lie in swap" if used else ""


def _changed(states: States) -> str:
    changes = dict.fromkeys(text for state in states for text in state.changed_settings)
    return f"settings changed while it measured ({'; '.join(changes)})" if changes else ""


def _traffic(states: States) -> str:
    moved = sum(state.swapped_bytes or 0 for state in states)
    return f"{bytes_text(moved)} went to swap or came back while it measured" if moved else ""


def _throttled_once(states: States) -> str:
    return _throttled(states, are_many=False)


def _throttled_often(states: States) -> str:
    return _throttled(states, are_many=True)


def _throttled(states: States, *, are_many: bool) -> str:
    hit = [state for state in states if state.throttled_slice_count or state.throttle_causes]
    return _counted(hit, states, "throttled", [cause for state in hit for cause in state.throttle_causes], are_many)


def _undervoltage(states: States) -> str:
    count = sum(UNDERVOLTAGE in state.throttle_causes for state in states)
    return f"undervoltage in {count} of {len(states)} visits: its power supply is too weak" if count else ""


def _steal(states: States) -> str:
    ratio = median(state.steal_ratio for state in states)
    return f"the hypervisor took {ratio:.1%} of the processors" if ratio > STEAL_RATIO else ""


def _shared_package(states: States) -> str:
    ratios = [state.package_load_ratio for state in states if state.package_load_ratio is not None]
    ratio = median(ratios) if ratios else 0.0
    if ratio <= LOAD_RATIO:
        return ""
    return f"the agent may use a part of the package, and others used {ratio:.0%} of the rest"


def _gpu_once(states: States) -> str:
    return _gpu_throttled(states, are_many=False)


def _gpu_often(states: States) -> str:
    return _gpu_throttled(states, are_many=True)


def _gpu_throttled(states: States, *, are_many: bool) -> str:
    hit = [state for state in states if any(gpu.throttle_causes for gpu in state.gpus)]
    causes = [cause for state in hit for gpu in state.gpus for cause in gpu.throttle_causes]
    return _counted(hit, states, "GPU throttled", causes, are_many)


def _divided(states: States) -> str:
    return "MIG is on: other tenants share the GPU" if any(gpu.is_divided for gpu in states[-1].gpus) else ""


def _tenants(states: States) -> str:
    count = max((gpu.foreign_process_count for state in states for gpu in state.gpus), default=0)
    return f"{count} other process{'' if count == 1 else 'es'} computed on the GPU" if count else ""


def _counted(hit: States, states: States, what: str, causes: Sequence[str], are_many: bool) -> str:
    """Say in how many visits it was; the table makes more of several than of one."""
    if not hit or (len(hit) > 1) != are_many:
        return ""
    named = f" ({', '.join(dict.fromkeys(causes))})" if causes else ""
    return f"{what} in {len(hit)} of {len(states)} visit{'' if len(states) == 1 else 's'}{named}"


def _rows() -> Iterator[Row]:
    warn, mark, refuse = FindingLevel.WARN, FindingLevel.UNRELIABLE, FindingLevel.REFUSE
    yield Row(key="governor", level=warn, concerns=(TIME, ENERGY), found=_governor)
    yield Row(key="turbo", level=warn, concerns=(TIME, ENERGY), found=_turbo)
    yield Row(key="split_cores", level=warn, concerns=(TIME, ENERGY), found=_split_cores)
    yield Row(key="battery", level=warn, concerns=(TIME, ENERGY), found=_battery)
    yield Row(key="load", level=warn, concerns=(TIME, ENERGY), found=_load)
    yield Row(key="temperature", level=warn, concerns=(TIME, ENERGY), found=_slope)
    yield Row(key="aslr", level=warn, concerns=(TIME,), found=_aslr)
    yield Row(key="virtual", level=warn, concerns=(ENERGY,), found=_virtual)
    yield Row(key="swap", level=warn, concerns=(TIME, MEMORY), found=_old_swap)
    yield Row(key="changed", level=mark, concerns=(TIME, ENERGY), found=_changed)
    yield Row(key="swapping", level=mark, concerns=(TIME, ENERGY), found=_traffic)
    yield Row(key="throttled_once", level=mark, concerns=(TIME, ENERGY), found=_throttled_once)
    yield Row(key="gpu_throttled_once", level=mark, concerns=(GPU,), found=_gpu_once)
    yield Row(key="throttled", level=refuse, concerns=(TIME, ENERGY), found=_throttled_often)
    yield Row(key="undervoltage", level=refuse, concerns=(TIME, ENERGY), found=_undervoltage)
    yield Row(key="swapped", level=refuse, concerns=(MEMORY,), found=_traffic)
    yield Row(key="steal", level=refuse, concerns=(ENERGY,), found=_steal)
    yield Row(key="shared_package", level=refuse, concerns=(ENERGY,), found=_shared_package)
    yield Row(key="gpu_throttled", level=refuse, concerns=(GPU,), found=_gpu_often)
    yield Row(key="gpu_divided", level=refuse, concerns=(GPU,), found=_divided)
    yield Row(key="gpu_shared", level=refuse, concerns=(GPU,), found=_tenants)


TABLE = tuple(_rows())
"""Every finding, what is made of it, and which figures it concerns."""
