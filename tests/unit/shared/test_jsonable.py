"""Domain values as JSON."""

import json

import cattrs
import pytest

from mltest.shared.domain import Gpu, JobEvent, JobNote, Outcome, VisitEnded
from mltest.shared.jsonable import from_jsonable, to_json, to_jsonable


def test_json_is_one_line_with_sorted_keys() -> None:
    text = to_json(VisitEnded(outcome=Outcome.OK, notes=("a\nb",)))

    assert "\n" not in text
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_an_event_says_its_kind() -> None:
    content = to_jsonable(JobEvent(seq=1, unix_ns=2, event=JobNote(text="x")))

    assert content["event"] == {"kind": "JobNote", "text": "x"}


@pytest.mark.parametrize("content", [{}, {"name": "a", "memory_bytes": "many"}, [], None])
def test_what_has_another_shape_is_refused(content: object) -> None:
    with pytest.raises((cattrs.BaseValidationError, TypeError)):
        from_jsonable(content, Gpu)
