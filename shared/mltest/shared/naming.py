"""How agents are named on the network: the mDNS service, its TXT record, and what is believed of a received one.

Everything that comes from the network is hostile: it is capped and checked here before anybody else sees it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

SERVICE_TYPE = "_mltest._tcp.local."
"""DNS-SD service type (RFC 6763)."""

MAX_NAME_CHARS = 64
"""Of an agent's name, in UTF-8 bytes where we choose it."""
MAX_TXT_BYTES = 400
"""Of the whole record; responders drop large ones silently."""

SECURITY_TLS = "tls"
"""Only callers whose key was pinned are served."""
SECURITY_NONE = "none"
"""Served in the clear; off loopback only versions before pairing did that."""
SECURITY_LOOPBACK = "loopback"
"""Served on this machine only."""

_AGENT_ID = re.compile(r"[a-z2-7]{52}|[0-9a-f]{32}")
_INSTANCE_ID = re.compile(r"[0-9a-f]{16}|")
_DIGEST = re.compile(r"[0-9a-f]{64}|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What an agent says of itself by mDNS; everything else is asked by RPC."""

    agent_id: str
    """Device id of the agent's first key: 52 characters of base32 (32 hexadecimal digits before pairing)."""
    instance_id: str = ""
    """Of the running process; empty in versions that do not say it."""
    name: str
    """For people."""
    protocol_version: int
    port: int
    digest: str = ""
    """Capability digest; empty until runtimes have been probed."""
    security: str
    """tls, loopback or none."""


def instance_name(agent_id: str) -> str:
    """Return the full service instance name of an agent: unique by construction, so it needs no probing."""
    return f"{agent_id}.{SERVICE_TYPE}"


def advertisement_to_txt(advertisement: Advertisement) -> dict[str, str]:
    """Return the TXT record of `advertisement`: flat, at most `MAX_TXT_BYTES`."""
    return {
        "id": advertisement.agent_id,
        "boot": advertisement.instance_id,
        "name": advertisement.name,
        "v": str(advertisement.protocol_version),
        "port": str(advertisement.port),
        "digest": advertisement.digest,
        "sec": advertisement.security,
    }


def advertisement_from_txt(record: Mapping[bytes, bytes | None]) -> Advertisement:
    """Return what a received TXT record says; keys that this version does not know are ignored.

    Raises:
        ValueError: it is too long, or a value is missing or not what it should be.

    """
    if sum(len(key) + len(value or b"") + 2 for key, value in record.items()) > 2 * MAX_TXT_BYTES:
        raise ValueError("the TXT record is too long")
    text = {key: (record.get(key.encode()) or b"").decode(errors="replace") for key in _KEYS}
    return Advertisement(
        agent_id=_matching(_AGENT_ID, text["id"], "id"),
        instance_id=_matching(_INSTANCE_ID, text["boot"], "boot"),
        name=clean_text(text["name"], MAX_NAME_CHARS) or text["id"][:8],
        protocol_version=_number(text["v"], "v", 2**31),
        port=_number(text["port"], "port", 65_535),
        digest=_matching(_DIGEST, text["digest"], "digest"),
        security=_matching(_SECURITY, text["sec"], "sec"),
    )


def clean_text(text: str, max_chars: int) -> str:
    """Return `text` from the network as it may be shown: printable characters only, at most `max_chars`."""
    return "".join(char for char in text[: 4 * max_chars] if char.isprintable())[:max_chars].strip()


def is_name(text: str) -> bool:
    """Return whether `text` may name an agent: printable, without slash, not empty, at most `MAX_NAME_CHARS`."""
    is_short = len(text.encode(errors="replace")) <= MAX_NAME_CHARS
    return is_short and text == clean_text(text, MAX_NAME_CHARS) and "/" not in text and text not in {"", ".", ".."}


_SECURITY = re.compile(f"{SECURITY_TLS}|{SECURITY_LOOPBACK}|{SECURITY_NONE}")
_KEYS = ("id", "boot", "name", "v", "port", "digest", "sec")


def _matching(pattern: re.Pattern[str], text: str, key: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{key} of the TXT record is not valid")
    return text


def _number(text: str, key: str, limit: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 0 < int(text) <= limit:
        raise ValueError(f"{key} of the TXT record is not valid")
    return int(text)
