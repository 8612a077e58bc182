"""The update periods of meters as they were seen on this machine: kept, so that each is probed once."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mltest.shared.domain import MeterInfo
from mltest.shared.energy.meter_spec import Origin

_LOG = logging.getLogger(__name__)
FILE = "meters.json"
"""In the agent's state directory: seconds, by meter and source."""
_LONGEST_S = 3600.0


def seen_update_s(folder: Path) -> dict[str, float]:
    """Return what is kept in `folder`: update periods in seconds, by `meter_key`; nothing where none is."""
    try:
        content = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    periods = content if isinstance(content, dict) else {}
    return {key: value for key, value in periods.items() if isinstance(value, float) and 0 < value < _LONGEST_S}


def keep_update_s(folder: Path, periods_s: Mapping[str, float]) -> None:
    """Keep `periods_s` in `folder`; a disk that does not take them means that meters are probed again."""
    try:
        (folder / FILE).write_text(json.dumps(dict(periods_s), indent=1, sort_keys=True))
    except OSError as error:
        _LOG.warning("what was seen of meters cannot be kept: %s", error)


def meter_key(meter: str, source: str) -> str:
    """Return what the period of a meter is kept under."""
    return f"{meter}: {source}"


def with_seen_periods(meters: Sequence[MeterInfo], periods_s: Mapping[str, float]) -> tuple[MeterInfo, ...]:
    """Return `meters` with the update periods that were seen of them."""
    return tuple(
        replace(one, update_s=periods_s[key], update_origin=Origin.PROBED.value)
        if (key := meter_key(one.name, one.source)) in periods_s
        else one
        for one in meters
    )
