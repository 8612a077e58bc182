"""What a check says."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much a finding harms numbers; ascending."""

    OK = "ok"
    NOTE = "note"
    """Good to know; numbers hold."""
    WARNING = "warning"
    """Absolute times suffer."""
    PROBLEM = "problem"
    """Absolute times mean little, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about this machine."""

    check: str
    """Name of the check."""
    level: Level
    what: str
    """What was found, with its figure; one sentence."""
    why: str = ""
    """Why it matters to measurements; empty where nothing is wrong."""
    advice: str = ""
    """What mends it, where no command can, or what to know of the commands."""
    remedies: tuple[str, ...] = ()
    """Commands that mend it, each complete and without comments, which not every shell takes."""
