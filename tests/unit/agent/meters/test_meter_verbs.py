"""`mltest-agent meters` and its verbs, as a user calls them."""

import json
from pathlib import Path

import pytest

from mltest.agent.cli import main
from mltest.shared.energy.recording import recording_from_lines
from tests.machines.energy_trees import MACHINES, write_tree


def test_meters_lists_what_is_there_and_how_to_grant_what_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_tree(tmp_path, MACHINES["intel-two-sockets"]())

    assert main(["meters", "--root", str(root)]) == 0

    text = capsys.readouterr().out
    assert "rapl-powercap: RAPL of Intel(R) Xeon(R) Gold 6248" in text
    assert "rapl-perf: kernel.perf_event_paranoid is 2, and this process lacks CAP_PERFMON\n    $ sudo install" in text


def test_probing_finds_period_step_and_power(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["meters", "probe", "--root", str(tmp_path), "--simulated", "40", "--seconds", "0.5", "--json"]) == 0

    (found,) = json.loads(capsys.readouterr().out)
    (domain,) = found["domains"]
    assert domain["power_w"] == pytest.approx(40, rel=0.5)
    assert domain["update_s"] >= 0.9e-3
    assert domain["step"] >= 2.0**-14


def test_power_that_stands_still_has_no_period_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_tree(tmp_path, MACHINES["jetson-orin-nx"]())

    assert main(["meters", "probe", "--root", str(root), "--seconds", "0.1"]) == 0

    assert "rail.VDD_IN: it changed 0 times in " in capsys.readouterr().out


def test_a_recording_is_a_meter_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "readings.jsonl"
    assert main(["meters", "record", str(file), "--root", str(tmp_path), "--simulated", "40", "--seconds", "0.1"]) == 0
    recorded = recording_from_lines(file.read_text().splitlines())

    assert main(["meters", "--root", str(tmp_path), "--replay", str(file)]) == 0

    assert len(recorded.readings) >= 2
    assert "simulated: nothing: 40 W are made up" in capsys.readouterr().out


def test_without_a_meter_nothing_is_probed_and_the_reason_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["meters", "probe", "--root", str(tmp_path)]) == 3

    assert capsys.readouterr().err.endswith("  mltest-agent meters lists what there is, and why not\n")


def test_a_file_that_is_no_recording_is_unavailable_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x").write_text("{}\n")

    assert main(["meters", "--root", str(tmp_path), "--replay", str(tmp_path / "x")]) == 0

    assert "it is no recording of a meter" in capsys.readouterr().out
