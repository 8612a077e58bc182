"""Who is not trusted any more is cut off within two seconds, without a restart."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from mltest.shared.blobs.store import BlobStore
from mltest.shared.errors import NotTrustedError, error_class
from mltest.shared.status import ERROR_CODE_KEY
from mltest.v1 import agent_service_pb2, blob_service_pb2
from mltest.v1.agent_service_pb2_grpc import AgentServiceStub
from mltest.v1.blob_service_pb2_grpc import BlobServiceStub
from tests.integration.trusting import DEADLINE_S, served_agent
from tests.unit.shared.trust.certificates import made

pytestmark = [pytest.mark.xdist_group("trust"), pytest.mark.promise(5)]

CUT_WITHIN_S = 2.0


async def test_an_open_stream_is_cut_and_the_next_call_denied(tmp_path: Path) -> None:
    revoked, kept = made(), made()
    async with served_agent(tmp_path / "agent") as agent:
        for client in (revoked, kept):
            agent.trust(client)
        async with agent.channel(revoked) as channel, agent.channel(kept) as other:
            stream, other_stream = watching(channel), watching(other)
            await stream.read()
            await other_stream.read()
            agent.revoke(revoked)
            async with asyncio.timeout(CUT_WITHIN_S):
                code = await code_of(stream.read())
            assert code == "NOT_TRUSTED"
            assert await code_of(watching(channel).read()) == "NOT_TRUSTED"
            assert not other_stream.done()


async def test_an_upload_that_goes_on_is_cut(tmp_path: Path) -> None:
    client = made()
    async with served_agent(tmp_path / "agent") as agent:
        agent.trust(client)
        async with agent.channel(client) as channel:
            upload = BlobServiceStub(channel).PutBlob(timeout=DEADLINE_S)
            header = blob_service_pb2.BlobHeader(sha256="0" * 64, size_bytes=10**6, offset_bytes=0)
            await upload.write(blob_service_pb2.PutBlobRequest(header=header))
            await upload.initial_metadata()
            agent.revoke(client)
            async with asyncio.timeout(CUT_WITHIN_S):
                code = await code_of(upload)
    assert code == "NOT_TRUSTED"
    assert not BlobStore(tmp_path / "agent" / "blobs", 10**9).status("0" * 64).is_complete


async def test_who_is_trusted_again_is_served_again_over_the_same_connection(tmp_path: Path) -> None:
    client = made()
    async with served_agent(tmp_path / "agent") as agent:
        agent.trust(client)
        async with agent.channel(client) as channel:
            await watching(channel).read()
            agent.revoke(client)
            assert await code_of(watching(channel).read()) == "NOT_TRUSTED"
            agent.trust(client)
            await watching(channel).read()


def watching(channel: grpc.aio.Channel) -> Any:
    return AgentServiceStub(channel).WatchAgent(agent_service_pb2.WatchAgentRequest(), timeout=DEADLINE_S)


async def code_of(reading: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await reading
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    code = str(dict(refused.value.trailing_metadata() or ())[ERROR_CODE_KEY])
    assert error_class(code) is NotTrustedError
    return code
