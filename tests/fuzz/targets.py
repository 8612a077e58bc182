"""Everything that is parsed from a network or a file, as functions of bytes that may raise documented errors only.

`make fuzz` runs them with a fuzzer that follows coverage; `tests/unit/fuzz` runs the same with arbitrary bytes.
"""

from collections.abc import Callable

from google.protobuf.message import DecodeError, Message

from mltest.coordinator.fleet.hostile import check_event, cleaned
from mltest.coordinator.fleet.resolve import txt_advertisement
from mltest.coordinator.fleet.sightings import addresses_to_try
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.shared.blobs.wire import decode_get, decode_put
from mltest.shared.children.frames import decode_frame
from mltest.shared.codec import from_proto
from mltest.shared.domain import AgentInfo, FleetAgent, JobEvent, JobInfo, JobSpec, VisitEvent, VisitSpec
from mltest.shared.errors import MltestError, VisitInterruptedError
from mltest.shared.naming import clean_text, instance_name
from mltest.shared.native.lightgbm_file import facts_of_lightgbm, text_in
from mltest.shared.native.xgboost_file import facts_of_xgboost, learner_in
from mltest.shared.sample_codec import unpack
from mltest.shared.trust.invitation import decode_invitation
from mltest.v1 import agent_pb2, coordinator_service_pb2, job_pb2, visit_pb2

_VISIT = from_proto(visit_pb2.VisitSpec(visit_id="v", attempt=1), VisitSpec)
Target = Callable[[bytes], None]

_MESSAGES: dict[type[Message], type] = {
    agent_pb2.AgentInfo: AgentInfo,
    job_pb2.JobSpec: JobSpec,
    job_pb2.JobInfo: JobInfo,
    job_pb2.JobEvent: JobEvent,
    visit_pb2.VisitSpec: VisitSpec,
    visit_pb2.VisitEvent: VisitEvent,
    coordinator_service_pb2.FleetAgent: FleetAgent,
}


def txt_record(content: bytes) -> None:
    """The TXT record of an advertisement."""
    try:
        found = txt_advertisement(content)
    except ValueError:
        return
    assert found.name.isprintable()
    assert 0 < len(found.name) <= 64
    assert 0 < found.port <= 65_535
    assert instance_name(found.agent_id).isascii()


def shown_text(content: bytes) -> None:
    """Text from a peer that is shown."""
    text = content.decode(errors="replace")
    assert clean_text(text, 64).isprintable()


def addresses(content: bytes) -> None:
    """Addresses of an advertisement."""
    hosts = [line for line in content.decode("ascii", "replace").splitlines()[:8] if line]
    try:
        found = addresses_to_try(hosts, 1)
    except ValueError:
        return
    assert all(address.endswith(":1") for address in found)


def messages(content: bytes) -> None:
    """Messages of the contract as values of the domain; the first byte chooses which."""
    kinds = list(_MESSAGES)
    kind = kinds[content[0] % len(kinds)] if content else kinds[0]
    try:
        value: object = from_proto(kind.FromString(content[1:]), _MESSAGES[kind])
    except (DecodeError, ValueError):
        return
    value = cleaned(value)
    if isinstance(value, VisitEvent):
        _check(value)


def chunks(content: bytes) -> None:
    """Messages of blobs, which pass by the generated classes."""
    for decode in (decode_put, decode_get):
        try:
            decode(content)
        except DecodeError:
            continue


def frames(content: bytes) -> None:
    """A line from a child process."""
    try:
        frame = decode_frame(content)
    except ValueError:
        return
    assert isinstance(frame, dict)


def packed_values(content: bytes) -> None:
    """Packed samples."""
    try:
        unpack(content)
    except ValueError:
        return


def plan(content: bytes) -> None:
    """A plan that a client sends."""
    try:
        parse_plan(content.decode(errors="replace"))
    except MltestError:
        return


def invitation(content: bytes) -> None:
    """A string that a user pastes."""
    try:
        decode_invitation(content.decode(errors="replace"))
    except (MltestError, ValueError):
        return


def xgboost_file(content: bytes) -> None:
    """A model of XGBoost, before the library opens it."""
    try:
        assert facts_of_xgboost(learner_in(content)).feature_count > 0
    except MltestError:
        return


def lightgbm_file(content: bytes) -> None:
    """A model of LightGBM, before the library opens it."""
    try:
        assert facts_of_lightgbm(text_in(content)).feature_count > 0
    except MltestError:
        return


def _check(event: VisitEvent) -> None:
    try:
        check_event(event, _VISIT, expected_seq=event.seq)
    except VisitInterruptedError:
        return


TARGETS: dict[str, Target] = {
    found.__name__: found
    for found in (
        *(txt_record, shown_text, addresses, messages, chunks, frames, packed_values, plan, invitation),
        *(xgboost_file, lightgbm_file),
    )
}
