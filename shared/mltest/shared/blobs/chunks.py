"""Reads a file piece by piece in a thread, one piece ahead of who takes the chunks that are sent."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from mltest.shared.blobs.writer import CHUNK_BYTES

SENT_CHUNK_BYTES = 256 * 1024
"""Of one message; a peer holds few of them, and other streams of the connection get their turn soon."""


async def read_chunks(path: Path, offset_bytes: int) -> AsyncIterator[memoryview]:
    """Yield the bytes of `path` from `offset_bytes` on, `SENT_CHUNK_BYTES` at a time.

    Raises:
        OSError: it cannot be read.

    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    reading = _read(descriptor, offset_bytes)
    try:
        while piece := await reading:
            offset_bytes += len(piece)
            reading = _read(descriptor, offset_bytes)
            for start in range(0, len(piece), SENT_CHUNK_BYTES):
                yield memoryview(piece)[start : start + SENT_CHUNK_BYTES]
    finally:
        await asyncio.wait({reading})
        os.close(descriptor)


def _read(descriptor: int, offset_bytes: int) -> "asyncio.Future[bytes]":
    return asyncio.ensure_future(asyncio.to_thread(os.pread, descriptor, CHUNK_BYTES, offset_bytes))
