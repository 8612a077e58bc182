"""A network of its own for a test: hosts are network namespaces that hang on one bridge."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

needs_namespaces = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None,
    reason="needs root and iproute2 to make network namespaces: sudo make test",
)


@dataclass(frozen=True, slots=True)
class Host:
    """One namespace with one address."""

    namespace: str
    address: str

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs `arguments` on this host."""
        return ["ip", "netns", "exec", self.namespace, *arguments]


@contextmanager
def lan(names: Sequence[str]) -> Iterator[dict[str, Host]]:
    """Make hosts that see each other and nothing else, and remove them afterwards."""
    prefix = f"mlt{os.getpid()}"
    switch = f"{prefix}-sw"
    made = [switch]
    _ip("netns", "add", switch)
    try:
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0")
        _ip("-n", switch, "link", "set", "bridge", "up")
        hosts = {}
        for number, name in enumerate(names, start=1):
            host = Host(f"{prefix}-{name}", f"10.77.0.{number}")
            _ip("netns", "add", host.namespace)
            made.append(host.namespace)
            _connect(host, switch, number)
            hosts[name] = host
        yield hosts
    finally:
        for namespace in made:
            _ip("netns", "del", namespace)


def _connect(host: Host, switch: str, number: int) -> None:
    port = f"port{number}"
    _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
    _ip("-n", switch, "link", "set", port, "master", "bridge", "up")
    _ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _ip("-n", host.namespace, "link", "set", "eth0", "up", "multicast", "on")
    _ip("-n", host.namespace, "link", "set", "lo", "up")
    _ip("-n", host.namespace, "route", "add", "default", "dev", "eth0")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
