"""What machine it is, and how it is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What stays the same as long as nobody changes it; what cannot be read is absent."""

    hardware_digest: str
    """First half of the SHA-256 over `hardware`."""
    configuration_digest: str
    """First half of the SHA-256 over `configuration`."""
    hardware: Mapping[str, str] = field(default_factory=dict)
    """What takes a screwdriver to change: cpu, cores, caches, memory, board, gpu."""
    configuration: Mapping[str, str] = field(default_factory=dict)
    """What does not: kernel, microcode, firmware, governor, turbo, GPU driver."""
