"""How long measuring will take, from the plan alone: an estimate, before anything was measured. Pure."""

from dataclasses import dataclass

from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import most_rounds, stop_rule
from mltest.coordinator.planning.screening import SCREEN_ROUNDS, is_screened, screening_spec
from mltest.coordinator.tests.footprint import PROCESSES
from mltest.shared.domain import EnergySpec, LatencySpec, MemorySpec
from mltest.shared.statistics.screening import LEADER_COUNT

PROCESS_S = (1.5, 5.0)
"""For a fresh process to start, import, load and answer its first calls: on an idle computer, on a small busy one."""
REFERENCE_COUNT = 1
"""The pinned reference is measured beside the candidates."""
SHORTEST_WINDOW_S = 2.0
"""Of energy, with a meter that is read a thousand times a second. Source: docs/energy.md, How it is measured."""
SETTLING_S = 0.5
_WINDOWS = 3
"""Idle, load, idle."""
_WINDOWS_OF_FIRST_LOOK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeEstimate:
    """Measuring time on each agent, in seconds."""

    least_s: float
    most_s: float


def time_estimate(
    plan: Plan, latency: LatencySpec | None, candidate_count: int, memory: MemorySpec | None = None
) -> TimeEstimate:
    """Return between what bounds measuring `candidate_count` candidates stays, building and waiting not included.

    With `memory`, each has processes of its own for that in its first rounds.

    A slice of a slow candidate takes as long as one call, which nobody knows yet.
    """
    rule = stop_rule(plan)
    of_round = _round_s(latency, candidate_count)
    least_s = of_round[0] * (rule.min_rounds if rule else plan.rounds)
    most_s = of_round[1] * most_rounds(plan)
    if rule and is_screened(plan, candidate_count):
        screening = [SCREEN_ROUNDS * round_s for round_s in _round_s(screening_spec(latency), candidate_count)]
        fewest = _round_s(latency, min(candidate_count, LEADER_COUNT + 1))
        least_s, most_s = screening[0] + fewest[0] * rule.min_rounds, screening[1] + most_s
    footprint_s = [_footprint_s(memory, candidate_count, process_s) for process_s in PROCESS_S]
    least_s, most_s = least_s + footprint_s[0], most_s + footprint_s[1]
    if plan.budget_s:
        least_s, most_s = min(least_s, plan.budget_s), min(most_s, plan.budget_s + of_round[1])
    return TimeEstimate(least_s=least_s, most_s=most_s)


def energy_estimate(energy: EnergySpec, round_count: int, candidate_count: int) -> TimeEstimate:
    """Return between what bounds measuring energy stays on an agent with a meter, behind the rounds of times.

    Windows are as long as the meter asks for: 2 s with a fast counter, and at most what the plan allows.
    """
    longest_s = energy.max_window_ns / 1e9
    bounds_s = [
        _energy_s(energy, round_count, candidate_count, window_s=window_s, process_s=process_s)
        for window_s, process_s in zip((min(SHORTEST_WINDOW_S, longest_s), longest_s), PROCESS_S, strict=True)
    ]
    return TimeEstimate(least_s=bounds_s[0], most_s=bounds_s[1])


def _energy_s(
    energy: EnergySpec, round_count: int, candidate_count: int, *, window_s: float, process_s: float
) -> float:
    """Return how long all rounds take if every window, idle or not, is so long."""
    of_size_s = _WINDOWS * (window_s + SETTLING_S)
    of_candidate_s = process_s + energy.warmup_ns / 1e9 + len(energy.batch_sizes) * of_size_s
    first_looks_s = candidate_count * len(energy.batch_sizes) * _WINDOWS_OF_FIRST_LOOK * window_s
    return round_count * (window_s + SETTLING_S + candidate_count * of_candidate_s) + first_looks_s


def _footprint_s(memory: MemorySpec | None, candidate_count: int, process_s: float) -> float:
    """Return how long the processes take that only load a candidate and let it answer."""
    if memory is None:
        return 0.0
    process_count = PROCESSES * (2 if memory.has_cold else 1)
    return (candidate_count + REFERENCE_COUNT) * process_count * (process_s + memory.duration_ns / 1e9)


def _round_s(latency: LatencySpec | None, candidate_count: int) -> list[float]:
    """Return how long one round takes, between what bounds."""
    timed_s = _timed_s(latency)
    return [(candidate_count + REFERENCE_COUNT) * (process_s + timed_s) for process_s in PROCESS_S]


def _timed_s(latency: LatencySpec | None) -> float:
    """Return how long one candidate is timed in one round."""
    if latency is None:
        return 0.0
    cells = len(latency.batch_sizes) * max(len(latency.metrics), 1)
    return (latency.slice_count * latency.slice_ns + latency.warmup_ns) * cells / 1e9
