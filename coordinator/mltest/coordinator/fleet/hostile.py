"""What an agent sends is hostile until it was checked here. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, TypeVar, cast

from mltest.shared.domain import (
    CallsVerified,
    CandidateEnded,
    EnergyAbsent,
    EnergyRecorded,
    PredictionsStored,
    SampleBatch,
    SpeedCheck,
    VisitEvent,
    VisitSpec,
    VisitStarted,
)
from mltest.shared.energy.reading import can_be_read
from mltest.shared.energy.recording import spec_from_json
from mltest.shared.errors import DataInvalidError, VisitInterruptedError
from mltest.shared.naming import clean_text

DomainT = TypeVar("DomainT")

MAX_TEXT_CHARS = 2000
_MAX_SPEED_PROCESSES = 256
_MAX_SPEED_PARTS = 16
MAX_PREDICTIONS_BYTES = 16 << 30
_MAX_WINDOWS = 8
_CHECKED_APART = ("meter_json",)
"""Longer than other texts, and checked where it is read."""
_INT64_END = 1 << 63
"""What SQLite stores."""


def cleaned(value: DomainT) -> DomainT:
    """Return a domain value with every text in it printable and of bounded length; numbers are not looked at."""
    return cast("DomainT", _cleaned(value))


def checked_speed(check: SpeedCheck) -> SpeedCheck:
    """Return `check`, of which the texts are clean already.

    Raises:
        VisitInterruptedError: it cannot be what a machine found.

    """
    _require(0 < len(check.processes) <= _MAX_SPEED_PROCESSES, "a speed check of no or too many processes")
    for one in check.processes:
        _require(0 < len(one.part_ns) <= _MAX_SPEED_PARTS, "a speed check of no or too many parts")
        _require(
            all(0 < ns < _INT64_END for ns in one.part_ns.values()), "a speed check that took a time that cannot be"
        )
    _require(check.checked_unix_ns < _INT64_END, "a speed check at a time that cannot be")
    return check


def check_event(event: VisitEvent, visit: VisitSpec, *, expected_seq: int) -> None:
    """Return if `event` may be the next one of an attempt of `visit`.

    Raises:
        VisitInterruptedError: it cannot be; whatever sent it is not to be believed.

    """
    _require(event.seq <= expected_seq, f"event {expected_seq} is missing")
    known = {candidate.candidate_id for candidate in visit.candidates}
    match event.event:
        case SampleBatch(series=series):
            _require(
                known.issuperset(one.candidate_id for one in series), "samples of a candidate that it was not given"
            )
            _require(all(one.started_monotonic_ns < _INT64_END for one in series), "a time that cannot be")
        case VisitStarted(visit_id=visit_id, attempt=attempt):
            _require((visit_id, attempt) == (visit.visit_id, visit.attempt), "events of another visit")
        case PredictionsStored(candidate_id=candidate_id, size_bytes=size_bytes):
            _require(candidate_id in known, "predictions of a candidate that it was not given")
            _require(size_bytes <= MAX_PREDICTIONS_BYTES, f"predictions of {size_bytes} bytes")
        case CallsVerified(candidate_id=candidate_id):
            _require(candidate_id in known, "the verification of a candidate that it was not given")
        case EnergyRecorded() as recorded:
            _check_energy(recorded, known)
        case EnergyAbsent(candidate_id=candidate_id):
            _require(not candidate_id or candidate_id in known, "no energy of a candidate that it was not given")
        case CandidateEnded(candidate_id=candidate_id):
            _require(candidate_id in known, "the end of a candidate that it was not given")


def _check_energy(recorded: EnergyRecorded, known: Collection[str]) -> None:
    _require(not recorded.candidate_id or recorded.candidate_id in known, "energy of a candidate that it was not given")
    numbers = (*recorded.begin_ns, *recorded.took_ns, recorded.call_count, recorded.calls_ns)
    moments = [moment for one in recorded.windows for moment in (one.begin_ns, one.end_ns)]
    _require(max((*numbers, *moments), default=0) < _INT64_END, "a time or a count that cannot be")
    _require(len(recorded.begin_ns) == len(recorded.took_ns), "readings without their times")
    _require(all(one <= other for one, other in pairwise(recorded.begin_ns)), "readings that are not in order")
    _require(len(recorded.windows) <= _MAX_WINDOWS, f"{len(recorded.windows)} windows")
    names = [one.domain_id for one in recorded.domains]
    _require(len(set(names)) == len(names), "a domain twice")
    for one in recorded.domains:
        is_whole = len(one.values) == len(recorded.begin_ns)
        _require(is_whole and all(map(can_be_read, one.values)), "readings that cannot be")
    try:
        spec = spec_from_json(recorded.meter_json)
    except DataInvalidError as error:
        raise VisitInterruptedError(detail=f"the agent sent what cannot be ({error.message})") from error
    _require(cleaned(spec) == spec, "names of a meter that cannot be printed")
    _require(set(names) <= set(spec.by_id), "a domain that its meter has not")


def _require(is_fine: bool, what: str) -> None:
    if not is_fine:
        raise VisitInterruptedError(detail=f"the agent sent what cannot be ({what})")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value, MAX_TEXT_CHARS)
    if is_dataclass(value) and not isinstance(value, type):
        texts = {item.name: getattr(value, item.name) for item in fields(value) if item.name not in _CHECKED_APART}
        return replace(value, **{name: _cleaned(content) for name, content in texts.items()})
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(content) for key, content in value.items()}
    if isinstance(value, tuple) and value and not isinstance(value[0], int | float):
        return tuple(_cleaned(element) for element in value)
    return value
