"""What a campaign measured, kept as lines of JSON, so that every figure can be computed again from the file.

A line is one round: one time (the median of its calls) for each slice of each candidate.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from mltest.shared.errors import DataInvalidError

RoundTimes = dict[int, dict[int, float]]
"""By round and slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRecord:
    """One round of one block."""

    purpose: str
    """comparison: identical and slowed candidates; field: different ways to run one model."""
    subject: str
    """Model and runtime."""
    batch_size: int
    window: int
    """Rounds of one window are used together and by nothing else; counts from 0 in a file."""
    round_index: int
    """Counts from 0 in its window."""
    truths: Mapping[str, float]
    """By candidate, by how much its calls really take longer than those of its model: 1.05 for 5 %."""
    bases: Mapping[str, str] = field(default_factory=dict)
    """By slowed candidate, the one that it is compared with: wrapped alike, but not slowed."""
    times_ns: Mapping[str, Sequence[float | None]]
    """By candidate, for each slice; None for a slice that was not used."""
    null_call_ns: float = 0.0
    """Median of what an empty call cost in the loop of the workers."""
    machine_class: str = ""


@dataclass(slots=True)
class Window:
    """Rounds that are used together."""

    purpose: str
    subject: str
    batch_size: int
    truths: Mapping[str, float]
    bases: Mapping[str, str] = field(default_factory=dict)
    times: dict[str, RoundTimes] = field(default_factory=dict)
    """By candidate."""

    @property
    def round_count(self) -> int:
        """Rounds so far."""
        return max((len(rounds) for rounds in self.times.values()), default=0)

    def add(self, record: RoundRecord) -> None:
        """Take a round of this window."""
        for name, times_ns in record.times_ns.items():
            used = {index: time_ns for index, time_ns in enumerate(times_ns) if time_ns}
            if used:
                self.times.setdefault(name, {})[record.round_index] = used


class Recording:
    """Rounds that are written to a file, one after the other, and kept."""

    def __init__(self, path: Path | None, earlier: Sequence[RoundRecord] = ()) -> None:
        """Go on behind the rounds `earlier`; of what the file holds, only they stay."""
        self.records = list(earlier)
        self._path = path
        self._stream: TextIO | None = None

    def add(self, record: RoundRecord) -> None:
        """Keep a round; it is in the file at once."""
        self.records.append(record)
        if self._path is None:
            return
        if self._stream is None:
            self._stream = _rewritten(self._path, self.records)
            return
        self._stream.write(_line(record))
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()


def _rewritten(path: Path, records: Sequence[RoundRecord]) -> TextIO:
    """Replace a file by these rounds, all or nothing; return it, open for more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text("".join(map(_line, records)))
    new.replace(path)
    return path.open("a")


def _line(record: RoundRecord) -> str:
    return json.dumps(asdict(record)) + "\n"


def read_records(path: Path) -> Iterator[RoundRecord]:
    """Yield the rounds of a file; a last line that is only a part of one is left out.

    Raises:
        DataInvalidError: it is not such a file.

    """
    try:
        lines = path.read_text().splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise DataInvalidError(detail=f"{path} cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            return
        try:
            yield RoundRecord(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise DataInvalidError(detail=f"line {number} of {path} is not a round ({error})") from error


def windows_of(records: Sequence[RoundRecord], purpose: str) -> list[Window]:
    """Return the windows of one purpose, in order."""
    found: dict[int, Window] = {}
    for record in records:
        if record.purpose == purpose:
            window = Window(record.purpose, record.subject, record.batch_size, record.truths, record.bases)
            found.setdefault(record.window, window).add(record)
    return list(found.values())
