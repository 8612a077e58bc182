"""Domain classes and messages: held together, and mapped without loss, as are domain classes and JSON."""

import typing
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mltest.shared.codec import from_proto, to_proto
from mltest.shared.domain import (
    JobEvent,
    JobNote,
    JobState,
    JobStateChanged,
    Outcome,
    SampleBatch,
    VisitEnded,
    VisitEvent,
)
from mltest.shared.jsonable import from_json, to_json
from mltest.v1 import agent_pb2, comparison_pb2, job_pb2, visit_pb2
from tests.unit.shared.domain_strategies import CLASSES, ENUMS, message_of, values_of


@pytest.mark.parametrize("domain_class", CLASSES, ids=lambda found: found.__name__)
def test_a_domain_class_and_its_message_have_the_same_fields(domain_class: type) -> None:
    descriptor = message_of(domain_class).DESCRIPTOR
    in_oneofs = {field.name for oneof in descriptor.oneofs if not oneof.name.startswith("_") for field in oneof.fields}
    oneofs = {oneof.name for oneof in descriptor.oneofs if not oneof.name.startswith("_")}

    assert {field.name for field in fields(domain_class)} == {
        *(field.name for field in descriptor.fields if field.name not in in_oneofs),
        *oneofs,
    }


@pytest.mark.parametrize("domain_class", CLASSES, ids=lambda found: found.__name__)
def test_a_field_may_be_none_where_and_only_where_the_message_tells_absence(domain_class: type) -> None:
    hints = typing.get_type_hints(domain_class)
    for field in message_of(domain_class).DESCRIPTOR.fields:
        if field.name in hints and field.message_type is None and not field.is_repeated:
            assert (type(None) in typing.get_args(hints[field.name])) == field.has_presence, field.full_name


@pytest.mark.parametrize("enum", ENUMS, ids=lambda found: found.__name__)
def test_an_enum_and_its_message_have_the_same_members(enum: type) -> None:
    found = next(
        module.DESCRIPTOR.enum_types_by_name.get(enum.__name__)
        for module in (visit_pb2, job_pb2, comparison_pb2, agent_pb2)
        if enum.__name__ in module.DESCRIPTOR.enum_types_by_name
    )
    prefix = found.values_by_number[0].name.removesuffix("UNSPECIFIED")

    assert [value.name for value in found.values] == [prefix + member.name for member in enum]  # type: ignore[attr-defined]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
@pytest.mark.parametrize("domain_class", CLASSES, ids=lambda found: found.__name__)
def test_a_value_survives_the_way_over_the_wire_and_as_json(domain_class: type, data: st.DataObject) -> None:
    """Both with the same values: most of the time is taken by inventing them."""
    value = data.draw(values_of(domain_class))
    message_class = message_of(domain_class)

    received = message_class.FromString(to_proto(value, message_class).SerializeToString())

    assert from_proto(received, domain_class) == value
    assert from_json(to_json(value), domain_class) == value


def test_a_number_that_this_version_does_not_know_becomes_unspecified() -> None:
    message = visit_pb2.VisitEnded()
    message.MergeFromString(b"\x08\x63")

    assert from_proto(message, VisitEnded).outcome is Outcome.UNSPECIFIED


def test_an_event_of_a_kind_that_this_version_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match=r"VisitEvent\.event is empty or of a kind"):
        from_proto(visit_pb2.VisitEvent(seq=1), VisitEvent)


def test_an_absent_number_is_not_zero() -> None:
    absent, zero = agent_pb2.Gpu(name="a"), agent_pb2.Gpu(name="a", memory_bytes=0)

    assert not absent.HasField("memory_bytes")
    assert zero.HasField("memory_bytes")


@pytest.mark.parametrize(
    ("event", "kind"),
    [(JobNote(text="x"), "note"), (JobStateChanged(state=JobState.DONE), "state_changed")],
)
def test_an_event_goes_into_the_field_of_its_kind(event: JobNote | JobStateChanged, kind: str) -> None:
    message = to_proto(JobEvent(seq=1, unix_ns=2, event=event), job_pb2.JobEvent)

    assert message.WhichOneof("event") == kind


def test_an_event_without_content_still_says_its_kind() -> None:
    message = to_proto(VisitEvent(seq=1, event=SampleBatch(series=())), visit_pb2.VisitEvent)

    assert message.WhichOneof("event") == "samples"
