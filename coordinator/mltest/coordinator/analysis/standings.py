"""Turns everything that was measured into results and the table to decide from."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from mltest.coordinator.analysis.cells import Cell, Key, Problem, cells_of, objective_result, verdict
from mltest.coordinator.analysis.doubts import doubted, is_refused
from mltest.coordinator.analysis.drift_text import drift_notes
from mltest.coordinator.analysis.figures import main_figures, smallest_batch
from mltest.coordinator.analysis.fronts import Grounds, bests_of, fronts_of
from mltest.coordinator.analysis.main_boundary import main_boundary_of, with_main_boundary
from mltest.coordinator.analysis.notes import notes_of
from mltest.coordinator.analysis.paired import PairedTimes, effect_by, is_energy, paired_effect
from mltest.coordinator.analysis.ranking import Contender, Differences
from mltest.coordinator.analysis.remarks import APART_TEXT, judged_text, row_remarks, stop_text
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.coordinator.tests.chosen import chosen_tests
from mltest.coordinator.tests.registry import sample_tests
from mltest.coordinator.tests.role import SampleEvidence, SampleTest
from mltest.coordinator.tests.users_samples import sample_results
from mltest.shared.domain import (
    AgentInfo,
    AgentMachine,
    Candidate,
    DatasetInfo,
    MachineClass,
    ModelInfo,
    Result,
    Standing,
    StandingRow,
    Standings,
)
from mltest.shared.metrics import JUDGED_QUALITIES, RESULT_METRICS
from mltest.shared.statistics.adaptive import StopReason
from mltest.shared.statistics.claims import ALPHA_FIXED, ALPHA_STOPPED
from mltest.shared.statistics.paired import Effect

__all__ = ["Problem", "Stops", "summarise"]

Stops: TypeAlias = Callable[[Collection[Key]], Mapping[Key, StopReason]]
"""Gives why candidates were not measured again, by candidate and agent, once it is known who is not let pass."""

_UNRANKED_ORDER = (Standing.REFUSED, Standing.GATED, Standing.FAILED, Standing.UNMEASURED, Standing.IMPOSSIBLE)
_NO_CLASSES: Mapping[str, MachineClass] = MappingProxyType({})
_NO_REASONS: Mapping[Key, str] = MappingProxyType({})
_NO_REMARKS: Mapping[Key, tuple[str, ...]] = MappingProxyType({})
_NO_COUNTS: Mapping[Key, int] = MappingProxyType({})
_ABSOLUTE_UNITS = ("s", "rows/s", "1/s", "bytes")


def summarise(
    *,
    plan: Plan,
    model: ModelInfo,
    candidates: Sequence[Candidate],
    agents: Sequence[AgentInfo],
    samples: Sequence[SampleEvidence],
    evaluations: Sequence[Evaluation],
    problems: Sequence[Problem],
    dataset: DatasetInfo | None = None,
    machine_classes: Mapping[str, MachineClass] = _NO_CLASSES,
    has_stop_rule: bool = False,
    stops: Stops = lambda _: {},
    verification_reasons: Mapping[Key, str] = _NO_REASONS,
    verification_remarks: Mapping[Key, tuple[str, ...]] = _NO_REMARKS,
    thread_counts: Mapping[Key, int] = _NO_COUNTS,
    machines: tuple[AgentMachine, ...] = (),
) -> tuple[tuple[Result, ...], Standings]:
    """Return every result, and the standings: ranked rows best first, then gated, failed, unmeasured, impossible.

    Takes a while with many samples: call it in a thread.

    Args:
        plan: what was asked for.
        model: facts about the model.
        candidates: all of them, possible or not; the pinned reference gets results, but no row.
        agents: those that take part.
        samples: one for each candidate and agent that sent any.
        evaluations: one for each candidate and agent whose predictions were evaluated.
        problems: what kept candidates from being measured; a candidate that could not be made needs none.
        dataset: facts about the data, for the notes.
        machine_classes: how far absolute figures from an agent can be believed, by its identity.
        has_stop_rule: whether the samples decided how many rounds there were.
        stops: gives why candidates were not measured again.
        verification_reasons: why answers of timed calls rule a candidate out, by its identity and that of the agent.
        verification_remarks: which of its calls were not verified on every row, by the same.
        thread_counts: threads that worked in its processes, by the same.
        machines: what the machines were like, with what the table of findings makes of it.

    """
    choices = chosen_tests(plan, model, has_target=True)
    results = classed(_results(sample_tests(choices), samples, evaluations), machine_classes)
    results = doubted(results, machines, candidates)
    names = {agent.agent_id: agent.name for agent in agents}
    cells = cells_of(
        candidates=candidates,
        agent_ids=tuple(names),
        samples=samples,
        evaluations=evaluations,
        problems=problems,
        results=results,
    )
    standings = tuple(verdict(cell, plan, verification_reasons.get(_key(cell), "")) for cell in cells)
    stop_reasons = stops(
        {_key(cell) for cell, (found, _) in zip(cells, standings, strict=True) if found is Standing.GATED}
    )
    table = _Table(
        plan=plan,
        agent_names=names,
        machine_classes=machine_classes,
        stop_reasons=stop_reasons,
        verification_remarks=verification_remarks,
        thread_counts=thread_counts,
        times=PairedTimes(plan.objective, main_boundary_of(results)),
        references=_references(cells),
        judged_baselines=_judged_baselines(cells),
        alpha=ALPHA_STOPPED if has_stop_rule else ALPHA_FIXED,
    )
    places = _places(cells, standings, table)
    rows, objective = places.rows, plan.objective
    return results, Standings(
        rows=rows,
        fronts=fronts_of(places.contenders, places.grounds),
        bests=bests_of(places.contenders, places.grounds),
        ordered_by=figure_name(objective.metric, objective.statistic, objective.batch_size),
        notes=(
            *drift_notes(machines),
            *notes_of(
                plan=plan,
                rows=rows,
                agent_names=names,
                round_count=max((len(found.rounds) for found in samples), default=0),
                results=results,
                dataset=dataset,
                throttled_slice_count=_throttled_slice_count(samples),
                stop_reasons=stop_reasons,
            ),
        ),
        machines=machines,
    )


def classed(results: Sequence[Result], machine_classes: Mapping[str, MachineClass]) -> tuple[Result, ...]:
    """Return `results` with the class of the machine at each that is an absolute figure of one."""
    return tuple(
        replace(result, machine_class=machine_classes[result.agent_id])
        if result.agent_id in machine_classes and _is_absolute(result.metric)
        else result
        for result in results
    )


def _is_absolute(metric: str) -> bool:
    return metric in RESULT_METRICS and RESULT_METRICS[metric].unit in _ABSOLUTE_UNITS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """What the rows have in common."""

    plan: Plan
    agent_names: Mapping[str, str]
    machine_classes: Mapping[str, MachineClass]
    stop_reasons: Mapping[Key, StopReason]
    verification_remarks: Mapping[Key, tuple[str, ...]]
    thread_counts: Mapping[Key, int]
    times: PairedTimes
    references: Mapping[str, SampleEvidence]
    """Samples of the pinned reference, by agent."""
    judged_baselines: Mapping[str, Result]
    """How good the native baseline is on the rows that no candidate was chosen by, by agent."""
    alpha: float


def _results(
    tests: Sequence[SampleTest], samples: Sequence[SampleEvidence], evaluations: Sequence[Evaluation]
) -> tuple[Result, ...]:
    from_samples = (result for evidence in samples for test in tests for result in sample_results(test, evidence))
    from_predictions = (result for evaluation in evaluations for result in evaluation.results)
    return tuple(dict.fromkeys([*with_main_boundary(tuple(from_samples)), *from_predictions]))


def _throttled_slice_count(samples: Sequence[SampleEvidence]) -> int:
    return sum(series.is_throttled for found in samples for one_round in found.rounds for series in one_round.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where everybody stands."""

    rows: tuple[StandingRow, ...]
    contenders: tuple[Contender, ...]
    """Those that are ranked, best first."""
    grounds: Grounds


def _places(cells: Sequence[Cell], standings: Sequence[tuple[Standing, str]], table: _Table) -> _Places:
    objective = table.plan.objective
    baselines = _baselines(cells)
    contenders, others = [], []
    for cell, (standing, reason) in zip(cells, standings, strict=True):
        if cell.candidate.is_reference:
            continue
        row = _row(cell, standing, reason, table, baselines.get(cell.agent_id))
        if standing is Standing.RANKED:
            contenders.append(_contender(cell, row, objective))
        else:
            others.append(row)
    ranking = Differences(contenders, table.times, references=table.references, alpha=table.alpha)
    placed = ranking.ranked()
    return _Places(
        rows=(
            *(replace(contender.row, rank=rank) for rank, contender in placed),
            *sorted(others, key=lambda row: _UNRANKED_ORDER.index(row.standing)),
        ),
        contenders=tuple(contender for _, contender in placed),
        grounds=Grounds(objective=objective, references=table.references, alpha=table.alpha, ranking=ranking),
    )


def _contender(cell: Cell, row: StandingRow, objective: Objective) -> Contender:
    return Contender(
        row=row,
        figure=objective_result(cell, objective),
        samples=cell.samples,
        results=tuple(result for result in cell.results if not is_refused(result)),
        is_selected=cell.candidate.is_selected,
    )


def _row(cell: Cell, standing: Standing, reason: str, table: _Table, baseline: SampleEvidence | None) -> StandingRow:
    objective, agent_id = table.plan.objective, cell.agent_id
    speedup = _speedup(cell, baseline, table)
    interval = speedup.interval if speedup else None
    round_count = len(cell.samples.rounds) if cell.samples else 0
    key = _key(cell)
    found = table.stop_reasons.get(key)
    is_told = _may_stop(cell) and (found is not None or standing is not Standing.GATED)
    stop = stop_text(table.plan, found, round_count) if is_told else ""
    return StandingRow(
        candidate_id=cell.candidate.candidate_id,
        label=cell.candidate.label,
        agent_id=agent_id,
        agent_name=table.agent_names.get(agent_id, agent_id),
        is_baseline=cell.candidate.is_baseline,
        standing=standing,
        reason=reason,
        speedup=speedup.ratio if speedup else None,
        speedup_low=interval.low if interval else None,
        speedup_high=interval.high if interval else None,
        figures=main_figures(cell.results, objective),
        machine_class=table.machine_classes.get(agent_id, MachineClass.UNSPECIFIED),
        round_count=round_count,
        remarks=(
            *([stop] if stop else []),
            *([APART_TEXT] if _is_apart(cell, baseline) else []),
            *judged_text(cell.candidate, cell.results, table.judged_baselines.get(agent_id)),
            *table.verification_remarks.get(key, ()),
            *row_remarks(cell.samples.remarks if cell.samples else ()),
        ),
        thread_count=table.thread_counts.get(key),
        is_lossy=cell.candidate.is_lossy,
    )


def _key(cell: Cell) -> Key:
    return cell.candidate.candidate_id, cell.agent_id


def _is_apart(cell: Cell, baseline: SampleEvidence | None) -> bool:
    """Return whether a cell was measured in rounds of its own, of which the baseline has none."""
    if cell.samples is None or baseline is None:
        return False
    ours, theirs = ({one.round_index for one in found.rounds} for found in (cell.samples, baseline))
    return ours.isdisjoint(theirs)


def _may_stop(cell: Cell) -> bool:
    """Return whether it was decided of a cell when it is not measured again; the baseline stays beside the others."""
    is_stayer = cell.candidate.is_baseline and not cell.candidate.from_job_id
    return cell.samples is not None and cell.problem is None and not is_stayer


def _baselines(cells: Sequence[Cell]) -> dict[str, SampleEvidence]:
    """Return the samples of the native baseline of each agent: that of this job before that of another."""
    found: dict[str, SampleEvidence] = {}
    for cell in sorted(cells, key=lambda cell: bool(cell.candidate.from_job_id)):
        if cell.candidate.is_baseline and not cell.candidate.is_reference and cell.samples is not None:
            found.setdefault(cell.agent_id, cell.samples)
    return found


def _references(cells: Sequence[Cell]) -> dict[str, SampleEvidence]:
    """Return the samples of the pinned reference of each agent."""
    return {cell.agent_id: cell.samples for cell in cells if cell.candidate.is_reference and cell.samples is not None}


def _judged_baselines(cells: Sequence[Cell]) -> dict[str, Result]:
    """Return the quality of the native baseline on the rows that judge candidates chosen by the others."""
    return {
        cell.agent_id: result
        for cell in cells
        if cell.candidate.is_baseline and not cell.candidate.from_job_id
        for result in cell.results
        if result.metric in JUDGED_QUALITIES and result.value is not None
    }


def _speedup(cell: Cell, baseline: SampleEvidence | None, table: _Table) -> Effect | None:
    """Return how many times faster than the baseline, by the objective, or for the smallest call."""
    if cell.samples is None or baseline is None:
        return None
    if table.machine_classes.get(cell.agent_id) is MachineClass.EMULATED:
        return None
    if cell.samples is baseline:
        return Effect(ratio=1.0, interval=None)
    batch_size = table.plan.objective.batch_size or smallest_batch(cell.results)
    times = PairedTimes(Objective()) if is_energy(table.plan.objective.metric) else table.times
    effect = (
        times.effect(cell.samples, baseline)
        or paired_effect(cell.samples, baseline, batch_size)
        or effect_by(table.references.get(cell.agent_id), cell.samples, baseline, times)
    )
    return effect and effect.inverse
