"""Reads a file chunk by chunk in a thread, one chunk ahead of who takes them."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

from mltest.shared.blob_writer import CHUNK_BYTES


async def read_chunks(path: Path, offset_bytes: int) -> AsyncIterator[bytes]:
    """Yield the bytes of `path` from `offset_bytes` on, `CHUNK_BYTES` at a time.

    Raises:
        OSError: it cannot be read.

    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    reading = _read(descriptor, offset_bytes)
    try:
        while chunk := await reading:
            offset_bytes += len(chunk)
            reading = _read(descriptor, offset_bytes)
            yield chunk
    finally:
        await asyncio.wait({reading})
        os.close(descriptor)


def _read(descriptor: int, offset_bytes: int) -> "asyncio.Future[bytes]":
    return asyncio.ensure_future(asyncio.to_thread(os.pread, descriptor, CHUNK_BYTES, offset_bytes))
