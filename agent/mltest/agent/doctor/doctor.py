"""Looks at this machine, and says what it saw."""

import json
import os
import shutil
from pathlib import Path

from mltest.agent.doctor.diagnosis import diagnosis_of
from mltest.agent.doctor.report import report_data, report_text
from mltest.agent.doctor.taken_readings import taken_readings
from mltest.agent.host.cpu import read_cpu
from mltest.shared.units import seconds_text


def doctor_report(span_s: float, *, is_data: bool = False, root: Path = Path("/")) -> str:
    """Return the report as text for this terminal, or as JSON; takes `span_s` and a second, and needs no rights."""
    readings = taken_readings(span_s, root)
    diagnosis = diagnosis_of(readings)
    if is_data:
        return json.dumps(report_data(diagnosis, readings), indent=2)
    heading = f"{read_cpu(root).model} on {os.uname().nodename}, watched for {seconds_text(span_s)}."
    return report_text(diagnosis, heading=heading, width=shutil.get_terminal_size().columns)
