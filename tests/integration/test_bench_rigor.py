"""bench.rigor in its short form: every figure is there and can be true; what it is depends on the machine."""

import math
from pathlib import Path

import pytest

from bench.rigor import KEYS, figures_of, findings_of, measured
from mltest.agent.selftest.bench import SelftestOptions
from mltest.agent.selftest.recording import read_records

pytestmark = [pytest.mark.xdist_group("selftest"), pytest.mark.long]


async def test_the_short_form_gives_every_figure(tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    options = SelftestOptions(is_quick=True, is_shortest=True, candidate_count=4, output=path)
    found = await measured(options)
    figures = {figure.name: figure.value for figure in figures_of(found)}
    assert [key for key in KEYS if key not in figures] == []
    assert all(math.isfinite(value) for value in figures.values())
    shares = [key for key in KEYS if f"{key}_count" in figures and "per_100" not in key]
    assert all(0 <= figures[f"{key}_low"] <= figures[key] <= figures[f"{key}_high"] <= 1 for key in shares)
    assert figures["harness_ns_per_call"] > 0
    assert figures["bytes_per_sample"] > 0
    assert -1 < figures["agent_presence_ratio"] < 10

    again = {finding.name: finding for finding in findings_of(list(read_records(path)), options)}
    assert all(again[finding.name] == finding for finding in found if finding.name in again)
