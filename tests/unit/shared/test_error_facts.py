"""Facts of an error cross a real RPC; what a peer makes up does not."""

import json
from collections.abc import Mapping
from typing import Any

import grpc.aio
import pytest

from mltest.shared.errors import AgentBusyError, AgentUnreachableError, LeaseLostError, MltestError
from mltest.shared.status import FACTS_KEY, error_from_rpc, translated_errors

UNREACHABLE = AgentUnreachableError(agent="lab-1", detail="")
BUSY = {"holder": "anna", "purpose": "job 7", "lease_left_s": 42.5, "position": 2, "waiting_count": 3}


async def raised_over_rpc(error: MltestError) -> MltestError:
    """Return what a client of a real server gets for `error`."""

    async def handler(request: bytes, context: Any) -> None:
        async with translated_errors(context):
            raise error

    server = grpc.aio.server()
    handlers: Any = {"Call": grpc.unary_unary_rpc_method_handler(handler)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call: Any = channel.unary_unary("/test.Service/Call")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(b"", timeout=30)
            return error_from_rpc(refused.value, UNREACHABLE)
    finally:
        await server.stop(None)


def from_metadata(facts: object) -> Mapping[str, object]:
    content = facts if isinstance(facts, bytes) else json.dumps(facts).encode()
    metadata = grpc.aio.Metadata(("mltest-error-code", "AGENT_BUSY"), (FACTS_KEY, content))
    error = grpc.aio.AioRpcError(grpc.StatusCode.FAILED_PRECONDITION, grpc.aio.Metadata(), metadata, "busy")
    return {name: value for name, value in error_from_rpc(error, UNREACHABLE).facts.items() if name != "next_step"}


async def test_who_is_told_that_an_agent_is_busy_gets_the_facts_for_its_program() -> None:
    found = await raised_over_rpc(AgentBusyError("It is busy.", agent="lab-1", **BUSY))
    assert isinstance(found, AgentBusyError)
    assert found.message == "It is busy."
    assert {name: found.facts[name] for name in BUSY} == BUSY
    assert "agent" not in found.facts


async def test_an_error_without_facts_for_programs_has_none() -> None:
    found = await raised_over_rpc(LeaseLostError(epoch=7))
    assert isinstance(found, LeaseLostError)
    assert set(found.facts) == {"next_step"}


@pytest.mark.parametrize(
    "nonsense", [b"", b"\xff\xfe", b"[1]", b'"text"', b"{" * 3000, b"x" * 5000, {"holder": ["a"]}, {"evil": 1}]
)
def test_facts_that_make_no_sense_are_dropped(nonsense: object) -> None:
    assert from_metadata(nonsense) == {}


def test_known_facts_are_taken_and_others_left() -> None:
    assert from_metadata({"holder": "anna", "evil": "x", "position": None}) == {"holder": "anna"}
