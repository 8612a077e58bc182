"""Reads the powercap tree of the kernel: these files, and no others.

Source: Linux, Documentation/power/powercap/powercap.rst. energy_uj is for root since CVE-2020-8694.
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from mltest.agent.power.domain import MAX_DOMAINS, PowerDomain, PowerReading, is_domain_name

_CLASS = Path("sys/class/powercap")
_MAX_FILE_BYTES = 64


class Counters:
    """Counters below `root`, where the machine's file system starts."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._folder = root / _CLASS

    def domains(self) -> tuple[PowerDomain, ...]:
        """Return every zone that there is, in the order of their names."""
        try:
            names = sorted(entry.name for entry in self._folder.iterdir() if is_domain_name(entry.name))
        except OSError:
            return ()
        return tuple(self._domain(name) for name in names[:MAX_DOMAINS])

    def read(self, name: str) -> PowerReading:
        """Return the counter of a zone now, or why there is none."""
        if not is_domain_name(name):
            return PowerReading(name="", absent="there is no such domain")
        begin_ns = time.monotonic_ns()
        try:
            energy_uj = self._number(name, "energy_uj")
        except (OSError, ValueError) as error:
            return PowerReading(name=name, absent=_reason(error))
        return PowerReading(
            name=name, energy_uj=energy_uj, begin_monotonic_ns=begin_ns, end_monotonic_ns=time.monotonic_ns()
        )

    def read_all(self, names: Sequence[str]) -> tuple[PowerReading, ...]:
        """Return the counters of some zones, in their order."""
        return tuple(map(self.read, names))

    def close(self) -> None:
        """Nothing is open between two readings."""

    def _domain(self, name: str) -> PowerDomain:
        try:
            label = " ".join(self._text(name, "name").split())
        except OSError:
            label = ""
        try:
            return PowerDomain(name=name, label=label, max_energy_uj=self._number(name, "max_energy_range_uj"))
        except (OSError, ValueError) as error:
            return PowerDomain(name=name, label=label, absent=_reason(error))

    def _number(self, name: str, file: str) -> int:
        text = self._text(name, file).strip()
        if not (text.isascii() and text.isdigit()):
            raise ValueError("the kernel gives no number")
        return int(text)

    def _text(self, name: str, file: str) -> str:
        descriptor = os.open(self._folder / name / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(descriptor, _MAX_FILE_BYTES).decode(errors="replace")
        finally:
            os.close(descriptor)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such domain"
    return error.strerror or "it cannot be read" if isinstance(error, OSError) else str(error)
