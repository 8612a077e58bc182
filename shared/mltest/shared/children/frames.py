"""Messages between a process and its child: one JSON object a line.

A request is `{"command": ..., ...}`; its answer is `{"ok": {...}}` or `{"error": {"code": ..., "message": ...}}`.
"""

import json
from typing import Any

MAX_FRAME_BYTES = 4 * 1024 * 1024
"""Longest answer; the longest real one holds the two series of 200,000 open-loop requests, 2.1 MB in base64.

A child that was taken over may send as much as it likes: its reader keeps at most twice that.
"""

Frame = dict[str, Any]


def encode_frame(frame: Frame) -> bytes:
    """Return `frame` as one line."""
    return json.dumps(frame, separators=(",", ":")).encode() + b"\n"


def decode_frame(line: bytes) -> Frame:
    """Return the frame in `line`.

    Raises:
        ValueError: it is not one JSON object.

    """
    try:
        frame = json.loads(line)
    except RecursionError as error:
        raise ValueError("a frame is not nested as deeply") from error
    if not isinstance(frame, dict):
        raise ValueError("a frame is a JSON object")
    return frame


def checked_number(value: object, name: str, end: int = 2**63) -> int:
    """Return `value`, a number of a frame that may be forged: whole, not negative and less than `end`.

    Raises:
        ValueError: it is something else; `name` is in the message.

    """
    if not isinstance(value, int) or not 0 <= value < end:
        raise ValueError(f"{name} is not a number")
    return value
