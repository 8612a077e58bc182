"""Raw readings with what is needed to compute energy from them again, as lines of JSON."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import cattrs

from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Reading, can_be_read
from mltest.shared.energy.spec_check import spec_problem
from mltest.shared.errors import DataInvalidError

_CONVERTER = cattrs.Converter(forbid_extra_keys=True)
_TOLERANT = cattrs.Converter()
"""For what another version wrote."""
_MAX_LINE_CHARS = 1_000_000
_LATEST_NS = 2**63 - 1
_NOT_OF_THIS_SHAPE = (ValueError, TypeError, AttributeError, RecursionError, OverflowError, cattrs.BaseValidationError)

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
    except _NOT_OF_THIS_SHAPE as error:
        raise DataInvalidError(detail="it is no specification of a meter") from error
    return _checked(spec)


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
    except (StopIteration, *_NOT_OF_THIS_SHAPE) as error:
        raise DataInvalidError(detail="it is no recording of a meter") from error
    known = set(_checked(spec).by_id)
    if not readings:
        raise DataInvalidError(detail="it has no readings")
    if any(not 0 <= one.begin_ns <= one.end_ns <= _LATEST_NS for one in readings):
        raise DataInvalidError(detail="its readings have times that cannot be")
    for earlier, later in pairwise(readings):
        if later.begin_ns < earlier.begin_ns:
            raise DataInvalidError(detail="its readings are not in the order of time")
    if any(set(one.values) - known or not all(map(can_be_read, one.values.values())) for one in readings):
        raise DataInvalidError(detail="its readings have values that its meter cannot give")
    return Recording(spec, readings)


def _checked(spec: MeterSpec) -> MeterSpec:
    if problem := spec_problem(spec):
        raise DataInvalidError(detail=f"the specification of a meter cannot be: {problem}")
    return spec


def _structured(line: str, kind: type[PartT]) -> PartT:
    if len(line) > _MAX_LINE_CHARS:
        raise ValueError("the line is too long")
    return _CONVERTER.structure(json.loads(line), kind)
