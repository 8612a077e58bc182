"""What speed checks say, in words."""

from collections.abc import Iterable, Iterator

from mltest.coordinator.analysis.speed import SMALLEST_DRIFT, is_drifted
from mltest.shared.domain import AgentMachine, PartDrift, SpeedDrift
from mltest.shared.units import seconds_text


def drift_notes(machines: Iterable[AgentMachine]) -> Iterator[str]:
    """Yield a remark for each machine that was not as fast after the job as before it."""
    for machine in machines:
        if machine.speed is not None and machine.speed.is_drifted:
            changes = "; ".join(part_text(part) for part in machine.speed.parts if is_drifted(part))
            yield (
                f"drifted: the machine of {machine.agent_name} was another one after the job than before it: a "
                f"fixed piece of work took {changes}. Speed-ups and ranks hold; absolute times are of no one machine: "
                "find what changed (mltest-agent doctor there), and measure again."
            )


def drift_text(drift: SpeedDrift) -> str:
    """Return what both checks of a job say, in a few words."""
    if drift.reason:
        return drift.reason
    changes = ", ".join(part_text(part) for part in drift.parts)
    state = "drifted" if drift.is_drifted else f"no drift beyond noise and {SMALLEST_DRIFT:.0%}"
    return f"speed check: {state} ({changes})"


def part_text(part: PartDrift) -> str:
    """Return how one part of the work changed: "memory 412 µs to 455 µs, +10.4% (+8.1% to +12.8%)"."""
    interval = (
        f" ({part.low - 1:+.1%} to {part.high - 1:+.1%})" if part.low is not None and part.high is not None else ""
    )
    before, after = (seconds_text(ns / 1e9) for ns in (part.before_ns, part.after_ns))
    return f"{part.part} {before} to {after}, {part.ratio - 1:+.1%}{interval}"
