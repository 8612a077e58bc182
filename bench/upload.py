"""How fast a blob reaches an agent: by mutual TLS, in the clear, and beside plain TCP, in the same run."""

import asyncio
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.agents import Agent, running_agent
from bench.figures import Figure, median, paired_ratio, publish
from mltest.shared.blobs.client import upload
from mltest.shared.grpc_options import channel_options
from mltest.shared.trust.local_door import local_door

SIZE_BYTES = 200_000_000
REPETITIONS = 9
"""One more comes first and is not counted: it takes memory that the machine has not used before."""


def main() -> None:
    """Send the same bytes in four ways, one after the other, several times."""
    # An agent keeps one payload, as the sinks do: then all four write to memory that the machine has used before.
    cache = ("--cache-bytes", str(SIZE_BYTES * 5 // 4))
    with (
        tempfile.TemporaryDirectory() as name,
        running_agent(Path(name) / "agent", *cache) as agent,
        running_agent(Path(name) / "clear", "--insecure", *cache) as clear,
    ):
        folder = Path(name)
        sinks = [_Sink(folder), _Sink(folder, "--sha256")]
        speeds: dict[str, list[float]] = {"agent": [], "clear": [], "tcp": [], "tcp_sha256": []}
        for number in range(1 + REPETITIONS):
            payload = _payload(folder / "payload")
            speeds["tcp"].append(sinks[0].megabytes_per_s(payload))
            ways = {"agent": agent, "clear": clear}
            for way in sorted(ways, reverse=number % 2 == 1):
                speeds[way].append(_upload_megabytes_per_s(ways[way], payload))
            speeds["tcp_sha256"].append(sinks[1].megabytes_per_s(payload))
        grown_bytes = agent.peak_rss_bytes() - agent.idle_rss_bytes
        for sink in sinks:
            sink.close()
    publish("upload", _figures({way: values[1:] for way, values in speeds.items()}, grown_bytes), also="chaos")


def _figures(speeds: dict[str, list[float]], grown_bytes: float) -> list[Figure]:
    return [
        Figure(name="upload_mb_per_s", value=median(speeds["agent"]), meaning="to an agent: mutual TLS, SHA-256, disk"),
        Figure(name="clear_upload_mb_per_s", value=median(speeds["clear"]), meaning="to an agent with --insecure"),
        Figure(
            name="tls_upload_ratio",
            value=paired_ratio(speeds["agent"], speeds["clear"]),
            meaning="mutual TLS / in the clear",
            target=">= 0.7",
        ),
        Figure(name="tcp_mb_per_s", value=median(speeds["tcp"]), meaning="plain TCP copy to disk"),
        Figure(name="tcp_sha256_mb_per_s", value=median(speeds["tcp_sha256"]), meaning="plain TCP, SHA-256, disk"),
        Figure(
            name="upload_to_tcp_ratio",
            value=paired_ratio(speeds["clear"], speeds["tcp"]),
            meaning="in the clear / plain TCP copy, which checks nothing",
        ),
        Figure(
            name="upload_to_tcp_sha256_ratio",
            value=paired_ratio(speeds["clear"], speeds["tcp_sha256"]),
            meaning="in the clear / plain TCP with the same check",
            target=">= 0.8",
        ),
        Figure(
            name="agent_growth_bytes",
            value=grown_bytes,
            meaning="peak memory of the agent above idle",
            target="<= 64e6",
        ),
    ]


def _payload(path: Path) -> Path:
    path.write_bytes(os.urandom(SIZE_BYTES))
    return path


def _upload_megabytes_per_s(agent: Agent, payload: Path) -> float:
    with payload.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return asyncio.run(_upload(agent.address, payload, sha256))


async def _upload(address: str, payload: Path, sha256: str) -> float:
    async with local_door(address).channel(address, channel_options()) as channel:
        await channel.channel_ready()
        begin = time.perf_counter()
        await upload(channel, payload, sha256=sha256, size_bytes=SIZE_BYTES)
        return SIZE_BYTES / 1e6 / (time.perf_counter() - begin)


class _Sink:
    """A process that receives over plain TCP."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "bench.tcp_sink", str(folder), *options]
        self._process = psutil.Popen(command, stdout=subprocess.PIPE)
        self._port = int(self._process.stdout.readline())

    def megabytes_per_s(self, payload: Path) -> float:
        """Send `payload` and return the speed until the sink has it on disk."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection, payload.open("rb") as stream:
            begin = time.perf_counter()
            connection.sendfile(stream)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
            return SIZE_BYTES / 1e6 / (time.perf_counter() - begin)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


if __name__ == "__main__":
    main()
