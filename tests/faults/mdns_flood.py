"""Advertises services that do not exist: python -m tests.faults.mdns_flood OWN_IP COUNT HOSTS.

Each is one packet with everything a browser asks for (RFC 6762, RFC 6763). HOSTS is how many addresses of the /24 they
claim: 1 is OWN_IP alone. The first ones are not even well made. Says "done" and its count at the end.
"""

import os
import socket
import struct
import sys
import time

GROUP, PORT = "224.0.0.251", 5353
SERVICE = b"_mltest._tcp.local"
_PTR, _TXT, _SRV, _A = 12, 16, 33, 1
_UNIQUE = 0x8001
_TTL_S = 4500
_BURST = 50
_PAUSE_S = 0.05


def labels(name: bytes) -> bytes:
    """Return a name as DNS writes it."""
    return b"".join(bytes((len(part),)) + part for part in name.split(b".")) + b"\0"


def record(name: bytes, kind: int, unique: int, content: bytes) -> bytes:
    """Return one resource record."""
    return name + struct.pack("!HHIH", kind, unique, _TTL_S, len(content)) + content


def advertisement(instance: bytes, host_ip: str, port: int, txt: bytes) -> bytes:
    """Return a response that advertises one instance; its label may be anything."""
    name = bytes((len(instance),)) + instance + labels(SERVICE)
    server = labels(b"h" + os.urandom(6).hex().encode() + b".local")
    records = [
        record(labels(SERVICE), _PTR, 1, name),
        record(name, _SRV, _UNIQUE, struct.pack("!HHH", 0, 0, port) + server),
        record(name, _TXT, _UNIQUE, txt),
        record(server, _A, _UNIQUE, socket.inet_aton(host_ip)),
    ]
    return struct.pack("!HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def text(**values: str) -> bytes:
    """Return a TXT record."""
    pairs = [f"{key}={value}".encode() for key, value in values.items()]
    return b"".join(bytes((len(pair),)) + pair for pair in pairs)


def well_made(number: int, host_ip: str) -> bytes:
    """Return what an agent that does not exist would send."""
    agent_id = os.urandom(16).hex()
    port = 1 + number % 60_000
    txt = text(id=agent_id, boot=os.urandom(8).hex(), name="fake", v="1", port=str(port), digest="", sec="none")
    return advertisement(agent_id.encode(), host_ip, port, txt)


def badly_made(host_ip: str) -> list[bytes]:
    """Return what no agent would send."""
    agent_id = os.urandom(16).hex()
    fine = text(id=agent_id, name="x", v="1", port="1", sec="none")
    return [
        advertisement(b"\x1b[31m\x07\x00evil", host_ip, 1, fine),
        advertisement(b"\xff\xfe" * 20, host_ip, 1, fine),
        advertisement(b"x" * 63, host_ip, 0, fine),
        advertisement(b"garbage", host_ip, 1, os.urandom(200)),
        advertisement(b"huge", host_ip, 1, (b"\xff" + b"a=" + b"y" * 253) * 30),
        advertisement(b"none", host_ip, 1, b""),
        advertisement(b"a" * 32, "224.0.0.1", 1, text(id="a" * 32, name="\x1b[31mred", v="1", port="1", sec="none")),
        advertisement(b"b" * 32, "0.0.0.0", 1, text(id="b" * 32, name="nowhere", v="1", port="1", sec="none")),
        os.urandom(500),
        struct.pack("!HHHHHH", 0, 0x8400, 0, 60_000, 0, 0) + labels(SERVICE),
    ]


def main() -> None:
    """Send all of it."""
    own_ip, count, hosts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    network = own_ip.rpartition(".")[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        out.bind((own_ip, PORT))
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own_ip))
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        for packet in badly_made(own_ip):
            out.sendto(packet, (GROUP, PORT))
        for number in range(count):
            host = own_ip if hosts == 1 else f"{network}.{100 + number % hosts}"
            out.sendto(well_made(number, host), (GROUP, PORT))
            if number % _BURST == 0:
                time.sleep(_PAUSE_S)
    sys.stdout.write(f"done {count}\n")


if __name__ == "__main__":
    main()
