"""How right the error bars of energy are, on machines whose joules are known; and what one reading of a meter costs.

    python -m bench.energy [--short]

300 campaigns with each of four instruments, for gross and for net: some minutes. The cost is of this machine's own
meters, if it has any, and of a made one; so is what reading them does to a visit that runs (energy_disturbance). Exit
status: 1 if a bar is missed or could not be measured, else 0.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from statistics import median

from bench.energy_disturbance import disturbance
from bench.figures import Figure, publish
from mltest.agent.meters.probing import polled
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import MeterSite
from mltest.agent.selftest.findings import Finding
from mltest.shared.energy.result import Quantity
from tests.energy.campaign import ROUNDS, outcomes
from tests.energy.instruments import INSTRUMENTS
from tests.energy.summary import Summary, summary_of

CAMPAIGNS = 300
"""With each instrument and each quantity."""
_SHORT_CAMPAIGNS = 20
READ_S = 0.5
READ_BAR_S = 0.001
COVERAGE_BAR = (0.93, 1.0)
BIAS_BAR = 0.005
_ENDS = {"_low": "lower", "_high": "upper"}


def main() -> int:
    """Simulate, measure, print, and write build/bench/energy.json."""
    parser = argparse.ArgumentParser(prog="python -m bench.energy", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true", help="show that it works; its figures mean nothing")
    is_short = parser.parse_args().short
    campaigns = _SHORT_CAMPAIGNS if is_short else CAMPAIGNS
    figures: list[Figure] = []
    missed: list[str] = []
    count = 0
    for instrument in INSTRUMENTS:
        for quantity in Quantity:
            found = summary_of(outcomes(instrument, quantity, range(campaigns)), ROUNDS)
            name = f"{instrument.spec.meter.replace('-', '_')}_{quantity.value}"
            figures += _figures(name, found)
            missed += _missed(name, found)
            count += found.count
            print(f"  {name}: {found.coverage_ratio:.3f} of {found.count} error bars hold the truth", flush=True)
    figures.append(Figure(name="campaign_count", value=count, meaning="simulated campaigns", target=">= 1000"))
    costs = list(_costs())
    missed += [f"{one.name}: {one.value:.3g} s, the bar is 0.001" for one in costs if one.value > READ_BAR_S]
    disturbed = asyncio.run(disturbance(is_shortest=is_short))
    if not disturbed.is_met:
        missed.append(f"{disturbed.name}: {disturbed.value}, the bar is {disturbed.bar.text if disturbed.bar else ''}")
    publish("energy-short" if is_short else "energy", [*figures, *costs, *_disturbance_figures(disturbed)])
    for line in missed:
        print(f"MISSED  {line}")
    return 1 if missed else 0


def _missed(name: str, found: Summary) -> Iterator[str]:
    if not COVERAGE_BAR[0] <= found.coverage_ratio <= COVERAGE_BAR[1]:
        yield f"{name}_coverage_ratio: {found.coverage_ratio:.3f}, the bar is {COVERAGE_BAR[0]} to {COVERAGE_BAR[1]}"
    if abs(found.bias_ratio) > BIAS_BAR:
        yield f"{name}_bias_ratio: {found.bias_ratio:.4f}, the bar is {BIAS_BAR} to either side"


def _disturbance_figures(found: Finding) -> Iterator[Figure]:
    """Yield ratio and interval; nothing where there is none, which is told as missed."""
    target = f"{found.bar.text}, or an interval that holds 0" if found.bar else ""
    for suffix, value in (("", found.value), ("_low", found.low), ("_high", found.high)):
        if value is not None:
            meaning = found.meaning if not suffix else f"{_ENDS[suffix]} end of its 95 % interval"
            yield Figure(name=f"{found.name}{suffix}", value=value, meaning=meaning, target="" if suffix else target)
    yield Figure(name=f"{found.name}_count", value=found.of_count or 0, meaning="rounds behind it")


def _figures(name: str, found: Summary) -> Iterator[Figure]:
    yield Figure(
        name=f"{name}_coverage_ratio",
        value=found.coverage_ratio,
        meaning="error bars that hold the truth",
        target="0.93 to 1",
    )
    yield Figure(
        name=f"{name}_bias_ratio", value=found.bias_ratio, meaning="mean error, scale apart", target="within 0.005"
    )
    yield Figure(name=f"{name}_u95_ratio", value=found.u95_ratio, meaning="mean half-width of the error bar")
    yield Figure(name=f"{name}_sound_ratio", value=found.sound_ratio, meaning="rounds that were not rejected")


def _costs() -> Iterator[Figure]:
    for number, meter in enumerate(discovered(MeterSite(simulated_w=40.0)).meters):
        meter.open()
        took_s = median(reading.took_s for reading in polled(meter, READ_S, 0.0))
        meter.close()
        name = f"{meter.spec.meter.replace('-', '_')}_{number}_read_s"
        yield Figure(name=name, value=took_s, meaning=f"one reading: {meter.spec.source}", target="<= 0.001")


if __name__ == "__main__":
    sys.exit(main())
