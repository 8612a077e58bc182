"""Raw readings with what is needed to compute energy from them again, as lines of JSON."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import cattrs

from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.errors import DataInvalidError

_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
_TOLERANT = cattrs.Converter()
"""For what another version wrote."""
_MAX_LINE_CHARS = 1_000_000

PartT = TypeVar("PartT")


@dataclass(frozen=True, slots=True)
class Recording:
    """What one meter gave."""

    spec: MeterSpec
    readings: tuple[Reading, ...]


def spec_to_json(spec: MeterSpec) -> str:
    """Return a specification as the first line of a recording."""
    return json.dumps(_CONVERTER.unstructure(spec), separators=(",", ":"))


def spec_from_json(text: str) -> MeterSpec:
    """Return the specification in `text`; what this version does not know is left out.

    Raises:
        DataInvalidError: it is none, or its numbers cannot be.

    """
    if len(text) > _MAX_LINE_CHARS:
        raise DataInvalidError(detail="the specification of a meter is too long")
    try:
        spec = _TOLERANT.structure(json.loads(text), MeterSpec)
    except (ValueError, TypeError, RecursionError, cattrs.BaseValidationError) as error:
        raise DataInvalidError(detail="it is no specification of a meter") from error
    numbers = (spec.update_s, spec.averaging_s, spec.coverage_ratio, spec.gain_u_ratio, spec.floor_s, spec.target_ratio)
    of_domains = (number for one in spec.domains for number in (one.resolution, one.offset_u_w, one.factor))
    if not all(math.isfinite(number) and number >= 0 for number in (*numbers, *of_domains)) or spec.update_s <= 0:
        raise DataInvalidError(detail="the specification of a meter has numbers that cannot be")
    return spec


def recording_to_lines(recording: Recording) -> Iterator[str]:
    """Return the spec and then each reading, one line each."""
    for part in (recording.spec, *recording.readings):
        yield json.dumps(_CONVERTER.unstructure(part), separators=(",", ":"))


def recording_from_lines(lines: Iterable[str]) -> Recording:
    """Return what `recording_to_lines` was given.

    Raises:
        DataInvalidError: this is no recording.

    """
    rows = (line for line in lines if line.strip())
    try:
        spec = _structured(next(rows), MeterSpec)
        readings = tuple(_structured(line, Reading) for line in rows)
    except (StopIteration, ValueError, TypeError, RecursionError, cattrs.BaseValidationError) as error:
        raise DataInvalidError(detail="it is no recording of a meter") from error
    known = set(spec.by_id)
    for earlier, later in pairwise(readings):
        if later.begin_ns < earlier.begin_ns:
            raise DataInvalidError(detail="its readings are not in the order of time")
    if any(set(one.values) - known or not all(map(math.isfinite, one.values.values())) for one in readings):
        raise DataInvalidError(detail="its readings have values that its meter cannot give")
    return Recording(spec, readings)


def _structured(line: str, kind: type[PartT]) -> PartT:
    if len(line) > _MAX_LINE_CHARS:
        raise ValueError("the line is too long")
    return _CONVERTER.structure(json.loads(line), kind)
