"""Messages between the agent and the host of its workers: one JSON object a packet, with open files beside it.

The socket is of type SOCK_SEQPACKET, so that a packet is a message and its files belong to it. A message of the agent
is `{"do": ..., "id": N, ...}`; its answer `{"id": N, "ok": {...}}` or `{"id": N, "error": {"code", "message"}}`. One
without `id` has no answer. The host begins with `{"ready": {}}`.
"""

import os
import socket
from collections.abc import Sequence

from mltest.shared.children.frames import Frame, decode_frame, encode_frame

MAX_MESSAGE_BYTES = 64 * 1024
MAX_FILES = 3
"""Of one message."""


def send_message(channel: socket.socket, frame: Frame, files: Sequence[int] = ()) -> None:
    """Send one message with copies of open file descriptors.

    Raises:
        ValueError: it is too long.
        OSError: the peer is gone, or does not read.

    """
    packet = encode_frame(frame)
    if len(packet) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {len(packet)} bytes; {MAX_MESSAGE_BYTES} are possible")
    socket.send_fds(channel, [packet], files)


def receive_message(channel: socket.socket) -> tuple[Frame, list[int]] | None:
    """Return one message and its files, which belong to the caller; None if the peer has hung up.

    Raises:
        ValueError: it is no message; its files are closed.
        OSError: the connection is broken.

    """
    flags = socket.MSG_CMSG_CLOEXEC
    packet, files, state, _ = socket.recv_fds(channel, MAX_MESSAGE_BYTES, MAX_FILES, flags)
    if not packet:
        close_all(files)
        return None
    try:
        if state & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ValueError("a message is too long, or has too many files")
        return decode_frame(packet), files
    except ValueError:
        close_all(files)
        raise


def close_all(files: Sequence[int]) -> None:
    """Close descriptors."""
    for file in files:
        os.close(file)
