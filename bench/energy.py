"""How right the error bars of energy are, on machines whose joules are known; and what one reading of a meter costs.

300 campaigns with each of four instruments, for gross and for net: some minutes. The cost is of this machine's own
meters, if it has any, and of a made one.
"""

from collections.abc import Iterator
from statistics import median

from bench.figures import Figure, publish
from mltest.agent.meters.probing import polled
from mltest.agent.meters.registry import discovered
from mltest.agent.meters.role import MeterSite
from mltest.shared.energy.result import Quantity
from tests.energy.campaign import ROUNDS, outcomes
from tests.energy.instruments import INSTRUMENTS
from tests.energy.summary import Summary, summary_of

CAMPAIGNS = 300
"""With each instrument and each quantity."""
READ_S = 0.5


def main() -> None:
    """Simulate, measure, print, and write build/bench/energy.json."""
    figures: list[Figure] = []
    count = 0
    for instrument in INSTRUMENTS:
        for quantity in Quantity:
            found = summary_of(outcomes(instrument, quantity, range(CAMPAIGNS)), ROUNDS)
            name = f"{instrument.spec.meter.replace('-', '_')}_{quantity.value}"
            figures += _figures(name, found)
            count += found.count
            print(f"  {name}: {found.coverage_ratio:.3f} of {found.count} error bars hold the truth", flush=True)
    figures.append(Figure(name="campaign_count", value=count, meaning="simulated campaigns", target=">= 1000"))
    publish("energy", [*figures, *_costs()])


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
    main()
