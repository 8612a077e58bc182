"""A diagnosis as plain text, and as data. Pure."""

import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from mltest.agent.doctor.diagnosis import Diagnosis, class_name
from mltest.agent.doctor.finding import Finding, Level
from mltest.agent.doctor.readings import Readings

_INDENT = " " * 10
_MIN_WIDTH, _MAX_WIDTH = 40, 110


def report_text(diagnosis: Diagnosis, *, heading: str, width: int) -> str:
    """Return the lines of a report for a terminal of `width` columns; commands are never broken."""
    width = min(max(width, _MIN_WIDTH), _MAX_WIDTH)
    blocks = [_wrapped(heading, "", "", width)]
    bad = [finding for finding in diagnosis.findings if finding.level is not Level.OK]
    blocks += [list(_finding_lines(finding, width)) for finding in bad]
    good = [finding for finding in diagnosis.findings if finding.level is Level.OK]
    blocks += [[line for finding in good for line in _finding_lines(finding, width)]] if good else []
    blocks += [_wrapped(diagnosis.worth, f"{class_name(diagnosis.machine_class)}: ", "", width)]
    return "\n\n".join("\n".join(lines) for lines in blocks)


def report_data(diagnosis: Diagnosis, readings: Readings) -> dict[str, Any]:
    """Return the diagnosis with all readings, as JSON takes them; what could not be read is null."""
    return {
        "machine_class": class_name(diagnosis.machine_class),
        "worth": diagnosis.worth,
        "findings": [asdict(finding) | {"level": finding.level.value} for finding in diagnosis.findings],
        "readings": asdict(readings)
        | {
            "state": asdict(readings.state) | {"machine_class": class_name(diagnosis.machine_class)},
            "hiccups": asdict(readings.hiccups) | {"lost_ratio": readings.hiccups.lost_ratio},
        },
    }


def _finding_lines(finding: Finding, width: int) -> Iterable[str]:
    yield from _wrapped(f"{finding.what}.", f"{finding.level.value:<{len(_INDENT)}}", _INDENT, width)
    for text in (finding.why, finding.advice):
        yield from _wrapped(text, _INDENT, _INDENT, width)
    yield from (f"{_INDENT}$ {remedy}" for remedy in finding.remedies)


def _wrapped(text: str, first: str, later: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )
