"""Receives one file over plain TCP and writes it to disk: what an upload is compared with.

Usage: python -m bench.tcp_sink FOLDER [--sha256]; prints the port that it listens on.
"""

import hashlib
import os
import socket
import sys
from pathlib import Path

CHUNK_BYTES = 1024 * 1024


def main() -> None:
    """Serve connections one after the other; each is answered by one byte once its bytes are on disk."""
    folder, hashes = Path(sys.argv[1]), "--sha256" in sys.argv
    server = socket.create_server(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        connection, _ = server.accept()
        with connection:
            _receive(connection, folder / "received", hashes)
            connection.sendall(b".")


def _receive(connection: socket.socket, target: Path, hashes: bool) -> None:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with target.open("wb") as stream:
        while count := connection.recv_into(buffer):
            stream.write(buffer[:count])
            if hashes:
                digest.update(buffer[:count])
        stream.flush()
        os.fsync(stream.fileno())


if __name__ == "__main__":
    main()
