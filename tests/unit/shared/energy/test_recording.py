"""Readings that were stored say the same again."""

import math
from dataclasses import replace

import pytest

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.energy.recording import Recording, recording_from_lines, recording_to_lines, spec_from_json
from mltest.shared.energy.window_energy import window_energy
from mltest.shared.errors import DataInvalidError
from tests.unit.shared.energy.meters import COUNTER, PACKAGE, counted, window

MISSED = Reading(begin_ns=2 * 10**9, end_ns=2 * 10**9, values={}, absent={PACKAGE.id: "Input/output error"})
RECORDING = Recording(COUNTER, (*counted([(0, 1.0), (1, 41.000000061)]), MISSED))


def test_a_recording_gives_the_same_joules_as_the_meter_did() -> None:
    again = recording_from_lines(list(recording_to_lines(RECORDING)))

    assert again == RECORDING
    (first, second) = (
        window_energy(Boundary(one.spec, "cpu.package", (PACKAGE.id,)), one.readings, window(0, 1))
        for one in (RECORDING, again)
    )
    assert first == second


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [],
        lambda lines: lines[1:],
        lambda lines: [*lines, "{}"],
        lambda lines: [*lines, '{"begin_ns":5,"end_ns":5,"values":{},"absent":{}}'],
        lambda lines: [lines[0], '{"begin_ns":5,"end_ns":5,"values":{"gpu.0":1},"absent":{}}'],
        lambda lines: [lines[0], '{"begin_ns":5,"end_ns":5,"values":{"cpu.package-0":NaN},"absent":{}}'],
        lambda lines: [lines[0].replace("counter", "no-such-kind")],
        lambda lines: ["[" * 100_000],
        lambda lines: ["[1, 2]", *lines[1:]],
        lambda lines: lines[:1],
        lambda lines: [lines[0], '{"begin_ns":5,"end_ns":4,"values":{},"absent":{}}'],
        lambda lines: [lines[0], '{"begin_ns":5,"end_ns":1' + "0" * 40 + ',"values":{},"absent":{}}'],
        lambda lines: [lines[0], '{"begin_ns":5,"end_ns":5,"values":{"cpu.package-0":1e300},"absent":{}}'],
    ],
)
def test_what_is_no_recording_is_refused(change) -> None:  # type: ignore[no-untyped-def]  # a function of lines
    with pytest.raises(DataInvalidError):
        recording_from_lines(change(list(recording_to_lines(RECORDING))))


DOMAIN = COUNTER.domains[0]
IMPOSSIBLE = (
    replace(COUNTER, update_s=0.0),
    replace(COUNTER, update_s=math.nan),
    replace(COUNTER, heartbeat_s=-1.0),
    replace(COUNTER, gain_u_ratio=-0.1),
    replace(COUNTER, coverage_ratio=1.5),
    replace(COUNTER, domains=(replace(DOMAIN, wrap_j=0.0),)),
    replace(COUNTER, domains=(replace(DOMAIN, factor=math.nan),)),
    replace(COUNTER, domains=(replace(DOMAIN, added_w=math.inf),)),
    replace(COUNTER, domains=(DOMAIN, DOMAIN)),
    replace(COUNTER, domains=(replace(DOMAIN, parts=(DOMAIN.id,)),)),
    replace(COUNTER, domains=(replace(DOMAIN, parts=("nowhere",)),)),
    replace(COUNTER, domains=(replace(DOMAIN, id="a", parts=("b",)), replace(DOMAIN, id="b", parts=("a",)))),
    replace(COUNTER, domains=tuple(replace(DOMAIN, id=f"cpu.package-{number}") for number in range(1000))),
)


@pytest.mark.parametrize("spec", IMPOSSIBLE)
def test_a_meter_that_cannot_be_is_refused_from_files_and_from_agents(spec: MeterSpec) -> None:
    lines = list(recording_to_lines(Recording(spec, RECORDING.readings)))

    with pytest.raises(DataInvalidError, match="the specification of a meter cannot be"):
        recording_from_lines(lines)
    with pytest.raises(DataInvalidError, match="the specification of a meter cannot be"):
        spec_from_json(lines[0])
