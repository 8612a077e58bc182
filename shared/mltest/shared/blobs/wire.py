"""Chunk messages without the copies that protobuf makes; the bytes on the wire are the same.

A chunk message is one length-delimited field: tag, length, content (Protocol Buffers, "Encoding"). What is not exactly
that goes through the generated classes, so a peer may send it in any valid way.
"""

from mltest.v1.blob_service_pb2 import BlobHeader, GetBlobResponse, PutBlobRequest

Chunk = bytes | memoryview

ACCEPTED_KEY = "mltest-accepted"
"""In the initial metadata of PutBlob: the header is accepted. A refusal has initial metadata, too."""

_PUT_CHUNK_TAG = bytes([PutBlobRequest.CHUNK_FIELD_NUMBER << 3 | 2])
_GET_CHUNK_TAG = bytes([GetBlobResponse.CHUNK_FIELD_NUMBER << 3 | 2])


def encode_put(part: BlobHeader | Chunk) -> bytes:
    """Return a serialised `PutBlobRequest`."""
    if isinstance(part, BlobHeader):
        return PutBlobRequest(header=part).SerializeToString()
    return _encoded(_PUT_CHUNK_TAG, part)


def decode_put(message: bytes) -> BlobHeader | Chunk | None:
    """Return what a serialised `PutBlobRequest` holds; None if that is nothing."""
    chunk = _decoded(_PUT_CHUNK_TAG, message)
    if chunk is not None:
        return chunk
    request = PutBlobRequest.FromString(message)
    match request.WhichOneof("part"):
        case "header":
            return request.header
        case "chunk":
            return request.chunk
        case _:
            return None


def encode_get(chunk: Chunk) -> bytes:
    """Return a serialised `GetBlobResponse`."""
    return _encoded(_GET_CHUNK_TAG, chunk)


def decode_get(message: bytes) -> Chunk:
    """Return the chunk in a serialised `GetBlobResponse`."""
    chunk = _decoded(_GET_CHUNK_TAG, message)
    return GetBlobResponse.FromString(message).chunk if chunk is None else chunk


def _encoded(tag: bytes, chunk: Chunk) -> bytes:
    return b"".join((tag, _varint(len(chunk)), chunk))


def _decoded(tag: bytes, message: bytes) -> memoryview | None:
    """Return the content if `message` is one field with `tag` and nothing else; a view, not a copy."""
    length, shift = 0, 0
    if message[:1] != tag:
        return None
    for position in range(1, min(len(message), 6)):
        length |= (message[position] & 0x7F) << shift
        shift += 7
        if message[position] < 0x80:
            return memoryview(message)[position + 1 :] if len(message) - position - 1 == length else None
    return None


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
