"""Well-made inputs of each target: where a fuzzer starts from."""

from mltest.coordinator.planning.plan_text import default_plan_toml
from mltest.shared.blobs.wire import encode_get, encode_put
from mltest.shared.children.frames import encode_frame
from mltest.shared.naming import Advertisement, advertisement_to_txt
from mltest.shared.sample_codec import pack
from mltest.v1 import agent_pb2, blob_service_pb2, job_pb2, visit_pb2
from tests.hostile.boosters import LIGHTGBM_TEXT, XGBOOST_JSON, XGBOOST_UBJ

_AD = Advertisement(
    agent_id="0123456789abcdef" * 2,
    instance_id="01234567" * 2,
    name="lab",
    protocol_version=1,
    port=50771,
    digest="f" * 64,
    security="none",
)
_PAIRS = [f"{key}={value}".encode() for key, value in advertisement_to_txt(_AD).items()]
_EVENT = visit_pb2.VisitEvent(
    seq=3, samples=visit_pb2.SampleBatch(series=[visit_pb2.SampleSeries(candidate_id="a", metric="latency_ns")])
)
_AGENT = agent_pb2.AgentInfo(
    agent_id="a", name="lab", tags=["x"], host=agent_pb2.HostInfo(gpus=[agent_pb2.Gpu(name="g")])
)
_JOB = job_pb2.JobSpec(plan_toml="[job]", agent_addresses=["a:1"])

SEEDS: dict[str, list[bytes]] = {
    "txt_record": [b"".join(bytes((len(pair),)) + pair for pair in _PAIRS)],
    "shown_text": ["lab-1 ü \x1b[31m".encode()],
    "addresses": [b"10.0.0.1\nfe80::1%eth0\n2001:db8::1\n"],
    "messages": [
        b"\x00" + _AGENT.SerializeToString(),
        b"\x01" + _JOB.SerializeToString(),
        b"\x05" + _EVENT.SerializeToString(),
    ],
    "chunks": [
        encode_put(b"content"),
        encode_get(b"content"),
        encode_put(blob_service_pb2.BlobHeader(sha256="a" * 64, size_bytes=9, offset_bytes=3)),
    ],
    "frames": [encode_frame({"command": "load", "limits": {"memory_bytes": 1}, "rows": [1, 2.5, None, "x"]})],
    "packed_values": [pack(range(300)), pack([]), pack([2**64 - 1, 0])],
    "plan": [default_plan_toml().encode()],
    "xgboost_file": [XGBOOST_JSON, XGBOOST_UBJ],
    "lightgbm_file": [LIGHTGBM_TEXT],
    "invitation": [b"mltest1-" + b"QUJD" * 30],
}
