"""How memory is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySpec:
    """How the memory of candidates is measured: each in a process of its own, alone, which only loads and answers."""

    batch_size: int
    """Rows per call."""
    call_count: int
    """Calls at least, in equal parts, behind each of which memory is read."""
    duration_ns: int = 0
    """Calls go on until this much time is over."""
    has_cold: bool = False
    """Whether a second process starts with an artifact that was taken out of the page cache."""
