"""Records of an append-only file: length, checksum, kind, content. Pure.

A file that was cut anywhere, or of which a byte changed, is read up to the record before.
"""

import struct
from binascii import crc32
from dataclasses import dataclass
from enum import IntEnum

_HEAD = struct.Struct("<IIB")
"""Bytes of the content, CRC-32 of all that follows the checksum and of the length, kind."""
_MAX_CONTENT_BYTES = 16 * 1024 * 1024


class Kind(IntEnum):
    """What a record holds."""

    HEADER = 1
    """JSON: which attempt this is, and the number of the first event behind."""
    EVENT = 2
    """An encoded event."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record."""

    kind: int
    """Of `Kind`, or one that this version does not know."""
    content: bytes


def encoded(kind: Kind, content: bytes) -> bytes:
    """Return a record as bytes."""
    return _HEAD.pack(len(content), _checksum(len(content), kind, content), kind) + content


def decoded(data: bytes) -> list[Record]:
    """Return the records at the beginning of `data` up to the first that is not whole."""
    records = []
    offset = 0
    while offset + _HEAD.size <= len(data):
        size, checksum, kind = _HEAD.unpack_from(data, offset)
        begin, offset = offset + _HEAD.size, offset + _HEAD.size + size
        content = data[begin:offset]
        if size > _MAX_CONTENT_BYTES or len(content) < size or _checksum(size, kind, content) != checksum:
            break
        records.append(Record(kind, content))
    return records


def _checksum(size: int, kind: int, content: bytes) -> int:
    return crc32(content, crc32(struct.pack("<IB", size, kind)))
