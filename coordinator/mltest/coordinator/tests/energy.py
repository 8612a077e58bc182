"""How many joules one inference takes, with an error bar, at a named boundary."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import ClassVar

from mltest.coordinator.analysis.energy_evidence import EnergyCell, EnergyEvidence, boundary_name
from mltest.coordinator.tests.registry import test
from mltest.coordinator.tests.role import Needs, SampleEvidence
from mltest.shared.domain import EnergySpec, Result
from mltest.shared.energy.boundary import Boundary
from mltest.shared.energy.minimum_window import LONGEST_S
from mltest.shared.energy.reading import Absent
from mltest.shared.energy.result import MIN_ROUNDS, EnergyResult, Quantity, energy_result, power_result
from mltest.shared.errors import PlanInvalidError
from mltest.shared.units import measured_text

MEAN = "mean"
GROSS, NET = "gross_energy_j", "net_energy_j"
_QUANTITIES = {GROSS: Quantity.GROSS, NET: Quantity.NET}
_MOST_ROUNDS = 60
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@test
@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Joules for one inference (one row), gross and net, and idle power, of what each meter of an agent covers.

    Measured in visits of its own, each candidate alone on the machine, as the Python call; where an agent has no meter
    that can be read, it is absent with the reason.
    """

    needs: ClassVar[Needs] = Needs()
    name: ClassVar[str] = "energy"

    batch_sizes: tuple[int, ...] = (1,)
    """Rows per call."""
    meters: tuple[str, ...] = ()
    """Names or shell patterns of meters; none means: all that an agent can read."""
    boundary: str = ""
    """Only this one, as \"mltest-agent meters\" names it: cpu.package+dram, board, gpu.0; empty: all there are."""
    target_ratio: float = 0.0
    """Standard error of one window that is aimed at; 0: what fits the meter, 0.5 % for most."""
    max_window_s: float = 60.0
    """No window with calls is planned longer; one that would need more has a wide bar, or is below resolution."""
    rounds: int = 7
    """Fresh processes for each candidate; fewer than 5 sound ones make no error bar."""
    warmup_s: float = 1.0
    """Untimed calls before the first window take at least this long."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense (ValueError)."""
        sizes = self.batch_sizes
        if not sizes or min(sizes) < 1 or len(set(sizes)) < len(sizes):
            raise ValueError("batch_sizes needs at least one size, each of at least 1 row and named once")
        if not 0 <= self.target_ratio < 1:
            raise ValueError("target_ratio has to be at least 0 and below 1")
        if not 0.1 <= self.max_window_s <= LONGEST_S:
            raise ValueError(f"max_window_s has to be from 0.1 to {LONGEST_S:g}")
        if not MIN_ROUNDS <= self.rounds <= _MOST_ROUNDS:
            raise ValueError(f"rounds has to be from {MIN_ROUNDS} to {_MOST_ROUNDS}")
        if not 0 <= self.warmup_s <= 60:
            raise ValueError("warmup_s has to be from 0 to 60")

    def latency_spec(self) -> None:
        """Return None: its calls are not timed."""

    def energy_spec(self) -> EnergySpec:
        """Return how energy has to be measured."""
        return EnergySpec(
            batch_sizes=tuple(sorted(self.batch_sizes)),
            meters=self.meters,
            boundary=self.boundary,
            target_ratio=self.target_ratio,
            max_window_ns=round(self.max_window_s * 1e9),
            warmup_ns=round(self.warmup_s * 1e9),
        )

    def results(self, evidence: SampleEvidence) -> Sequence[Result]:
        """Return joules by batch size and boundary, and powers by boundary; each is labelled with its boundary."""
        found = [*self._joules(evidence), *self._powers(evidence)]
        wanted = [one for one in found if self.boundary in ("", one.boundary)]
        if wanted or not evidence.energy.absence:
            return wanted
        return [self._absent(evidence, metric, size) for metric in _QUANTITIES for size in self.batch_sizes]

    def _joules(self, evidence: SampleEvidence) -> Iterator[Result]:
        for (batch_size, _), cell in evidence.energy.cells.items():
            window_s = fmean(one.duration_s for one in cell.rounds) if cell.rounds else None
            for metric, quantity in _QUANTITIES.items():
                found = energy_result(cell.boundary, cell.rounds, quantity)
                result = self._result(evidence, cell.boundary, metric, found, batch_size, _why(cell))
                yield replace(result, window_s=window_s, call_count=cell.call_count)
            if window_s is not None:
                powers_w = [one.load_w for one in cell.rounds]
                found_w = power_result(cell.boundary, powers_w, window_s)
                yield self._result(evidence, cell.boundary, "load_power_w", found_w, batch_size, _why(cell))

    def _powers(self, evidence: SampleEvidence) -> Iterator[Result]:
        energy = evidence.energy
        for cell in _smallest(energy):
            base_w = [one.base_w for one in cell.rounds]
            loaded = power_result(cell.boundary, base_w, cell.base_s)
            yield self._result(evidence, cell.boundary, "loaded_idle_power_w", loaded, 0, _why(cell))
        for idle in energy.idle_cells.values():
            powers_w = [one.power_w for one in idle.windows]
            span_s = fmean(one.duration_s for one in idle.windows) if idle.windows else 1.0
            found = power_result(idle.boundary, powers_w, span_s)
            yield self._result(evidence, idle.boundary, "idle_power_w", found, 0, "")

    def _result(
        self,
        evidence: SampleEvidence,
        boundary: Boundary,
        metric: str,
        found: EnergyResult | Absent,
        batch_size: int,
        why: str,
    ) -> Result:
        result = self._bare(evidence, metric, batch_size)
        result = replace(
            result,
            label=boundary_name(boundary),
            boundary=boundary.name,
            meter=boundary.spec.meter,
            is_estimate=boundary.spec.is_estimate,
        )
        if isinstance(found, Absent):
            absence = evidence.energy.absence
            parts = [found.reason, why, found.remedy if not why and not absence else "", absence]
            return replace(result, reason="; ".join(filter(None, parts)))
        uncertainty = found.uncertainty
        result = replace(
            result, count=found.round_count, statistical=uncertainty.statistical, type_b=uncertainty.type_b
        )
        if found.is_below_resolution:
            upper = measured_text(found.upper, 0.0, found.unit)
            return replace(result, high=found.upper, reason=f"below resolution: at most {upper} (95 %)")
        u95 = uncertainty.u95
        return replace(result, value=found.value, low=found.value - u95, high=found.value + u95)

    def _absent(self, evidence: SampleEvidence, metric: str, batch_size: int) -> Result:
        return replace(self._bare(evidence, metric, batch_size), reason=evidence.energy.absence)

    def _bare(self, evidence: SampleEvidence, metric: str, batch_size: int) -> Result:
        return Result(
            candidate_id=evidence.candidate_id,
            agent_id=evidence.agent_id,
            test=self.name,
            metric=metric,
            statistic=MEAN,
            batch_size=batch_size,
        )


def energy_test(tests: Iterable[object]) -> Energy | None:
    """Return the one test of energy among `tests`; None if there is none.

    Raises:
        PlanInvalidError: there are several.

    """
    found = [one for one in tests if isinstance(one, Energy)]
    if len(found) > 1:
        raise PlanInvalidError(detail="a job has one Energy test at most: name all batch sizes in its batch_sizes")
    return found[0] if found else None


def _smallest(energy: EnergyEvidence) -> list[EnergyCell]:
    """Return the cells of the smallest batch size, one for each boundary."""
    found: dict[str, tuple[int, EnergyCell]] = {}
    for (batch_size, name), cell in energy.cells.items():
        if name not in found or batch_size < found[name][0]:
            found[name] = batch_size, cell
    return [cell for _, cell in found.values()]


def _why(cell: EnergyCell) -> str:
    """Return why rounds of a cell are not sound; empty if all are. Of reasons that differ by numbers, the worst."""
    found: dict[str, list[Absent]] = {}
    for one in cell.rejected.values():
        found.setdefault(_NUMBER.sub("#", one.reason), []).append(one)
    worst = [
        max(alike, key=lambda one: [float(text) for text in _NUMBER.findall(one.reason)]) for alike in found.values()
    ]
    reasons = "; ".join(f"{one.reason}{f' ({one.remedy})' if one.remedy else ''}" for one in worst)
    count = len(cell.rejected)
    return f"{count} of {count + len(cell.rounds)} rounds were rejected: {reasons}" if count else ""
