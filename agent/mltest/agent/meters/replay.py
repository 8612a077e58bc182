"""A meter that plays what another one gave: the same readings, with the same times."""

from collections.abc import Sequence
from pathlib import Path

from mltest.agent.meters.registry import meter_kind
from mltest.agent.meters.role import Meter, MeterSite, Unavailable
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.energy.reading import Reading
from mltest.shared.energy.recording import Recording, recording_from_lines
from mltest.shared.errors import DataInvalidError, MeterUnreadableError

NAME = "replay"
_MAX_FILE_BYTES = 256 * 1024 * 1024


@meter_kind
class Replay:
    """Finds the recordings that the site names."""

    name = NAME

    def discover(self, site: MeterSite) -> Sequence[Meter | Unavailable]:
        """Return a meter for each recording."""
        found: list[Meter | Unavailable] = []
        for path in site.recordings:
            try:
                found.append(ReplayMeter(_recording(path)))
            except (OSError, UnicodeDecodeError, DataInvalidError) as error:
                reason = error.message if isinstance(error, DataInvalidError) else str(error)
                remedy = "mltest-agent meters record FILE makes one"
                found.append(Unavailable(meter=NAME, reason=f"{path}: {reason}", remedy=remedy))
        return found or [Unavailable(meter=NAME, reason="no recording is named (--replay FILE)")]


class ReplayMeter:
    """Gives one stored reading after the other."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._next = 0

    @property
    def spec(self) -> MeterSpec:
        """That of the meter which was recorded."""
        return self._recording.spec

    def open(self) -> None:
        """Begin at the beginning."""
        self._next = 0

    def read(self) -> Reading:
        """Return the next reading.

        Raises:
            MeterUnreadableError: there are no more.

        """
        if self._next >= len(self._recording.readings):
            raise MeterUnreadableError(meter=NAME, detail="the recording is at its end")
        self._next += 1
        return self._recording.readings[self._next - 1]

    def close(self) -> None:
        """Nothing is open."""


def _recording(path: Path) -> Recording:
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise DataInvalidError(detail=f"it has more than {_MAX_FILE_BYTES} bytes")
    return recording_from_lines(path.read_text().splitlines())
