"""The doctor's report as text and as data."""

import json

import pytest

from mltest.agent.doctor.diagnosis import diagnosis_of
from mltest.agent.doctor.percent import percent_text
from mltest.agent.doctor.report import report_data, report_text
from mltest.shared.domain import MachineClass
from tests.unit.agent.doctor.readings_of import good, hog

BAD = good({"governor": "powersave"}, foreign_load_ratio=0.6, machine_class=MachineClass.NOISY, foreign=(hog(),))


@pytest.mark.parametrize("width", [40, 80, 110])
def test_text_keeps_within_the_terminal_and_commands_stay_whole(width: int) -> None:
    lines = report_text(diagnosis_of(BAD), heading="A CPU on a host.", width=width).splitlines()
    assert max(len(line) for line in lines if not line.strip().startswith("$")) <= width
    assert "          $ sudo cpupower frequency-set -g performance" in lines


def test_a_very_wide_terminal_gets_lines_that_can_be_read() -> None:
    assert max(map(len, report_text(diagnosis_of(BAD), heading="A CPU.", width=400).splitlines())) <= 110


def test_the_report_begins_with_the_machine_and_ends_with_its_class() -> None:
    text = report_text(diagnosis_of(BAD), heading="A CPU on a host.", width=80)
    blocks = text.split("\n\n")
    assert blocks[0] == "A CPU on a host."
    assert blocks[1].startswith("problem   Others use 60 % of the 4 processors")
    assert blocks[-1].startswith("noisy: Only differences")


def test_data_can_be_written_as_json() -> None:
    data = json.loads(json.dumps(report_data(diagnosis_of(BAD), BAD)))
    assert data["machine_class"] == "noisy"
    assert data["findings"][0]["level"] == "problem"
    assert data["readings"]["state"]["foreign_load_ratio"] == 0.6
    assert data["readings"]["quota"] is None


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0.0, "0.0 %"), (0.0083, "0.83 %"), (0.0421, "4.2 %"), (0.0996, "10 %"), (0.48, "48 %"), (1.42, "142 %")],
)
def test_shares_have_two_significant_digits(ratio: float, text: str) -> None:
    assert percent_text(ratio) == text
