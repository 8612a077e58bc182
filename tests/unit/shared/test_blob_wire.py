"""Chunk messages that pass by protobuf, compared with protobuf itself."""

import pytest

from mltest.shared.blobs.wire import decode_get, decode_put, encode_get, encode_put
from mltest.v1.blob_service_pb2 import BlobHeader, GetBlobResponse, PutBlobRequest

SIZES = (1, 127, 128, 16383, 16384, 1024 * 1024)


@pytest.mark.parametrize("size", SIZES)
def test_chunks_are_the_same_bytes_as_protobuf_makes(size: int) -> None:
    chunk = bytes(range(256)) * (size // 256) + bytes(size % 256)

    assert encode_put(chunk) == PutBlobRequest(chunk=chunk).SerializeToString()
    assert encode_get(chunk) == GetBlobResponse(chunk=chunk).SerializeToString()


@pytest.mark.parametrize("size", SIZES)
def test_chunks_of_protobuf_are_read(size: int) -> None:
    chunk = bytes(size)

    assert decode_put(PutBlobRequest(chunk=chunk).SerializeToString()) == chunk
    assert decode_get(GetBlobResponse(chunk=chunk).SerializeToString()) == chunk


def test_a_header_is_read_and_written_by_protobuf() -> None:
    header = BlobHeader(sha256="0" * 64, size_bytes=2**40, offset_bytes=3)

    assert decode_put(encode_put(header)) == header


def test_an_empty_message_holds_nothing() -> None:
    assert decode_put(b"") is None
    assert decode_get(b"") == b""


def test_unusual_but_valid_messages_are_left_to_protobuf() -> None:
    two_fields = PutBlobRequest(chunk=b"old").SerializeToString() + PutBlobRequest(chunk=b"new").SerializeToString()
    overlong_length = b"\x12\x83\x00abc"
    unknown_field = PutBlobRequest(chunk=b"abc").SerializeToString() + b"\x98\x06\x01"

    assert decode_put(two_fields) == b"new"
    assert decode_put(overlong_length) == b"abc"
    assert decode_put(unknown_field) == b"abc"


def test_an_empty_chunk_is_a_chunk() -> None:
    assert decode_put(encode_put(b"")) == b""
