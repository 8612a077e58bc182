"""What every selftest works with: models, a place to run visits, options, and somebody to tell how far it is."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mltest.agent.selftest.local_rounds import LocalRounds
from mltest.agent.selftest.models import Model, Models
from mltest.agent.selftest.recording import RoundRecord
from mltest.shared.errors import RuntimeMissingError


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestOptions:
    """What a user chose."""

    is_quick: bool = False
    """A short form: the same code, fewer rounds."""
    is_shortest: bool = False
    """So short that its figures mean nothing: it shows that everything works."""
    limit_s: float = 0.0
    """What is not begun by then is left out; 0: no limit."""
    seed: int = 0
    comparison_count: int = 102
    """Comparisons of identical candidates."""
    candidate_count: int = 6
    """Identical candidates of one block."""
    slow_percents: tuple[int, ...] = (5, 10)
    output: Path | None = None
    """Where recorded rounds go."""
    is_resumed: bool = False
    """Whether finished windows that `output` holds are kept."""
    replay: Path | None = None
    """Recorded rounds that are used instead of measuring."""


@dataclass(slots=True, kw_only=True)
class Bench:
    """Models and a place to run visits."""

    folder: Path
    models: Models
    rounds: LocalRounds
    options: SelftestOptions
    started_s: float = field(default_factory=time.monotonic)
    records: list[RoundRecord] = field(default_factory=list)
    """Of the campaign of identical and slowed candidates, once it was measured."""
    _shas: dict[Path, str] = field(default_factory=dict)

    def sha256(self, path: Path) -> str:
        """Return the blob of a file, which is added once."""
        if path not in self._shas:
            self._shas[path] = self.rounds.add(path)
        return self._shas[path]

    @property
    def rows(self) -> str:
        """Blob of 1,024 distinct rows."""
        return self.sha256(self.models.folder / "rows.npz")

    def subjects(self, wanted: Iterable[tuple[str, str, int]]) -> list[tuple[Model, int]]:
        """Return those of `wanted` (model, runtime, batch size) that this machine has."""
        found = ((self.models.get(name, runtime), batch_size) for name, runtime, batch_size in wanted)
        return [(model, batch_size) for model, batch_size in found if model is not None]

    def first_of(self, *wanted: tuple[str, str, int]) -> tuple[Model, int]:
        """Return the first of `wanted` that this machine has.

        Raises:
            RuntimeMissingError: it has none; the message says how to mend that.

        """
        if found := self.subjects(wanted):
            return found[0]
        names = ", ".join(dict.fromkeys(runtime for _, runtime, _ in wanted))
        raise RuntimeMissingError(runtime=names, detail="not installed; pip install 'mltest-fleet[selftest]'")

    @property
    def is_out_of_time(self) -> bool:
        """Whether nothing more is to be begun."""
        limit_s = self.options.limit_s
        return bool(limit_s) and time.monotonic() - self.started_s >= limit_s

    def say(self, text: str) -> None:
        """Tell how far it is, on standard error."""
        elapsed_s = time.monotonic() - self.started_s
        sys.stderr.write(f"  {elapsed_s / 60:5.1f} min  {text}\n")
        sys.stderr.flush()
