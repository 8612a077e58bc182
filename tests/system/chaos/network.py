"""Cuts a host of a test's own network off, by its packet filter: packets vanish, and nobody is told."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.system.lan import Host, needs_namespaces

needs_packet_filter = pytest.mark.skipif(
    shutil.which("nft") is None, reason="needs nftables to cut a network: apt-get install nftables"
)
needs_network = [needs_namespaces, needs_packet_filter]

_DROP = """
table inet cut {
    chain incoming { type filter hook input priority 0; iifname "eth0" drop; }
    chain outgoing { type filter hook output priority 0; oifname "eth0" drop; }
}
"""


@contextmanager
def cut_off(host: Host) -> Iterator[None]:
    """Drop every packet from and to `host`."""
    subprocess.run(host.command("nft", "-f", "-"), input=_DROP, text=True, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(host.command("nft", "delete", "table", "inet", "cut"), check=True, capture_output=True)
