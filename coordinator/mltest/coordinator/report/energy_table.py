"""The energy of one candidate on one agent: joules and watts at each boundary, and what stands behind them."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mltest.coordinator.report.figure_text import metered_text
from mltest.coordinator.report.fitting_table import FittingTable
from mltest.coordinator.report.plain import printable
from mltest.shared.domain import Result
from mltest.shared.units import measured_text, seconds_text

_JOULES = {"gross_energy_j": "gross", "net_energy_j": "net"}
_POWERS = {"loaded_idle_power_w": "loaded and idle", "idle_power_w": "agent only"}


def energy_tables(results: Sequence[Result]) -> Iterator[RenderableType]:
    """Yield one table of joules, then powers and reasons; nothing where no meter was read.

    Args:
        results: in joules and watts, of one candidate on one agent.

    """
    metered = [one for one in results if one.boundary]
    joules = [one for one in metered if one.metric in _JOULES]
    if not joules:
        return
    yield _joules_table(joules, {(one.boundary, one.meter, one.batch_size): one for one in metered if _is_load(one)})
    for one in metered:
        if one.metric in _POWERS and one.value is not None:
            name = f"{_POWERS[one.metric]}: {metered_text(one)} at {one.boundary} ({one.meter})"
            yield printable(name, style="dim")
    reasons = dict.fromkeys(f"{_JOULES[one.metric]} at {one.boundary}: {one.reason}" for one in joules if one.reason)
    yield from (printable(f"! {reason}") for reason in reasons)


def _joules_table(joules: Sequence[Result], loads: dict[tuple[str, str, int], Result]) -> RenderableType:
    titles = ("energy", "boundary", "joules", "of it stat.", "power", "rounds", "calls", "window", "meter")
    table = FittingTable(titles, key_count=2, left=(0, titles.index("meter")))
    for one in joules:
        load = loads.get((one.boundary, one.meter, one.batch_size))
        statistical = "-" if one.statistical is None else measured_text(one.statistical, 0.0, "J")
        table.add_row(
            f"{_JOULES[one.metric]} b{one.batch_size}",
            one.boundary + (" (estimate)" if one.is_estimate else ""),
            metered_text(one),
            statistical,
            "-" if load is None else metered_text(load),
            str(one.count),
            f"{one.call_count:,}",
            "-" if one.window_s is None else seconds_text(one.window_s),
            one.meter,
        )
    return table


def _is_load(result: Result) -> bool:
    return result.metric == "load_power_w"


ENERGY_METRICS = (*_JOULES, *_POWERS, "load_power_w")
"""What these tables show."""
