"""Looks at who answers at an address, before anything is said to it.

A server that demands a certificate still shows its own. Whether it accepts ours, it says by going on (RFC 8446,
section 4.4.2: the client is done first): it either speaks HTTP/2 or hangs up.
"""

import asyncio
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mltest.shared.trust.device_id import device_id_of
from mltest.shared.trust.identity import Identity

_ANSWER_TIMEOUT_S = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Who answers there."""

    certificate_der: bytes
    device_id: str
    accepts_us: bool
    """Whether it goes on with a caller that has our key."""


class NotTlsError(Exception):
    """Somebody answers there, but not with TLS."""


async def probe(address: str, identity: Identity, *, timeout_s: float) -> Found:
    """Return who answers at `address` (host:port).

    Raises:
        NotTlsError: it is not TLS what is spoken there.
        OSError: nobody answers.
        TimeoutError: likewise.

    """
    host, _, port = address.rpartition(":")
    async with asyncio.timeout(timeout_s):
        context = await asyncio.to_thread(_context, identity)
        try:
            reader, writer = await asyncio.open_connection(
                host.strip("[]").replace("%25", "%"), int(port), ssl=context, ssl_handshake_timeout=timeout_s
            )
        except (ssl.SSLError, ConnectionResetError) as error:
            raise NotTlsError(str(error)) from error
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
        return Found(certificate_der=shown, device_id=_device_id(shown), accepts_us=await _goes_on(reader))
    finally:
        writer.transport.abort()


def _device_id(certificate_der: bytes) -> str:
    try:
        return device_id_of(certificate_der)
    except ValueError as error:
        raise NotTlsError(str(error)) from error


async def _goes_on(reader: asyncio.StreamReader) -> bool:
    with suppress(OSError, TimeoutError):
        return bool(await asyncio.wait_for(reader.read(1), _ANSWER_TIMEOUT_S))
    return False


def _context(identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is believed of what is shown here: it only decides which pinned key is asked for.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with _as_file(identity) as path:
        context.load_cert_chain(path)
    return context


@contextmanager
def _as_file(identity: Identity) -> Iterator[str]:
    """Yield a path that holds key and certificate, of memory only: the library reads nothing but files."""
    with os.fdopen(os.memfd_create("identity", os.MFD_CLOEXEC), "w+b") as stream:
        stream.write((identity.key_pem + identity.certificate_pem).encode())
        stream.flush()
        yield f"/proc/self/fd/{stream.fileno()}"
