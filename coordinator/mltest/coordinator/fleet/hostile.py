"""What an agent sends is hostile until it was checked here. Pure."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from mltest.shared.domain import (
    CallsVerified,
    CandidateEnded,
    PredictionsStored,
    SampleBatch,
    SpeedCheck,
    VisitEvent,
    VisitSpec,
    VisitStarted,
)
from mltest.shared.errors import VisitInterruptedError
from mltest.shared.naming import clean_text

DomainT = TypeVar("DomainT")

MAX_TEXT_CHARS = 2000
_MAX_SPEED_PROCESSES = 256
_MAX_SPEED_PARTS = 16
MAX_PREDICTIONS_BYTES = 16 << 30
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
        case CandidateEnded(candidate_id=candidate_id):
            _require(candidate_id in known, "the end of a candidate that it was not given")


def _require(is_fine: bool, what: str) -> None:
    if not is_fine:
        raise VisitInterruptedError(detail=f"the agent sent what cannot be ({what})")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value, MAX_TEXT_CHARS)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: _cleaned(getattr(value, item.name)) for item in fields(value)})
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(content) for key, content in value.items()}
    if isinstance(value, tuple) and value and not isinstance(value[0], int):
        return tuple(_cleaned(element) for element in value)
    return value
