"""Readings that were stored say the same again."""

import pytest

from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.reading import Reading
from mltest.shared.energy.recording import Recording, recording_from_lines, recording_to_lines
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
    ],
)
def test_what_is_no_recording_is_refused(change) -> None:  # type: ignore[no-untyped-def]  # a function of lines
    with pytest.raises(DataInvalidError):
        recording_from_lines(change(list(recording_to_lines(RECORDING))))
