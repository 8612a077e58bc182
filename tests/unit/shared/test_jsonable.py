"""Domain values as JSON."""

import json

import cattrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mltest.shared.domain import Gpu, JobEvent, JobNote, Outcome, VisitEnded
from mltest.shared.jsonable import from_json, from_jsonable, to_json, to_jsonable
from tests.unit.shared.domain_strategies import CLASSES, values_of


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
@pytest.mark.parametrize("domain_class", CLASSES, ids=lambda found: found.__name__)
def test_a_value_survives_json(domain_class: type, data: st.DataObject) -> None:
    value = data.draw(values_of(domain_class))

    assert from_json(to_json(value), domain_class) == value


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
