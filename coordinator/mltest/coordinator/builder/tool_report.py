"""What is known of a tool of others that finishes what an exporter writes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolReport:
    """A tool as it was found on this machine."""

    failure: str = ""
    """Why it cannot be used, and the command that mends it; empty if it can."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What identifies it (commit, interpreter): part of every recipe that it finishes."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """For each part that does not work: the error in the tool's own words."""


UNKNOWN = ToolReport(failure="it was not looked for")
