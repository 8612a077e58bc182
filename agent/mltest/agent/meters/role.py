"""What a meter is, and where it looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSite:
    """Where meters are looked for."""

    root: Path = Path("/")
    """Where the machine's file system starts; nothing outside of it is read."""
    plugs: tuple[str, ...] = ()
    """External meters: KIND=ADDRESS, for example shelly=192.168.1.20."""
    recordings: tuple[Path, ...] = ()
    """Files that readings are played from."""
    simulated_w: float | None = None
    """Power of a meter that only pretends; None for no such meter."""


def plugs_of_variable(environment: Mapping[str, str]) -> list[str]:
    """Return the external meters in MLTEST_PLUGS: KIND=ADDRESS, separated by commas."""
    return [plug.strip() for plug in environment.get("MLTEST_PLUGS", "").split(",") if plug.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A meter that cannot be used."""

    meter: str
    reason: str
    remedy: str = ""
    """Command that mends it; empty where nothing is there to be read."""


class Meter(Protocol):
    """Reads numbers, and does nothing else with them: wraps, integrals and statistics are `mltest.shared.energy`."""

    @property
    def spec(self) -> MeterSpec:
        """What it reads, and how exactly."""
        ...

    def open(self) -> None:
        """Get ready to read.

        Raises:
            MeterUnreadableError: it cannot be read (any more).

        """
        ...

    def read(self) -> Reading:
        """Return its numbers now, each domain's or the reason why it has none; never waits and never logs.

        Raises:
            MeterUnreadableError: nothing of it can be read any more.

        """
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...


class MeterKind(Protocol):
    """Finds the meters of one kind."""

    name: str

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return the meters of this kind, or why there are none."""
        ...
