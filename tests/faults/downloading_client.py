"""A client that downloads one blob over many streams, again and again.

python -m tests.faults.downloading_client ADDRESS SHA256 STREAMS
"""

import asyncio
import sys
from contextlib import suppress

import grpc.aio

from mltest.shared.grpc_options import channel_options
from mltest.v1 import blob_service_pb2 as pb
from mltest.v1.blob_service_pb2_grpc import BlobServiceStub


async def main(address: str, sha256: str, stream_count: int) -> None:
    """Say "ready" when every stream carries data, then go on until this process is killed."""
    ready = [asyncio.Event() for _ in range(stream_count)]
    async with grpc.aio.insecure_channel(address, options=channel_options()) as channel:

        async def download(is_ready: asyncio.Event) -> None:
            while True:
                # One that is opened before the end of the last has arrived is refused: they are one too many.
                with suppress(grpc.aio.AioRpcError):
                    async for _ in BlobServiceStub(channel).GetBlob(pb.GetBlobRequest(sha256=sha256)):
                        is_ready.set()

        async with asyncio.TaskGroup() as group:
            for one in ready:
                group.create_task(download(one))
            for one in ready:
                await one.wait()
            sys.stdout.write("ready\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
