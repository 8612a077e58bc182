"""Turns everything that was measured into results and the table to decide from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from mltest.coordinator.analysis.cells import Cell, Problem, cells_of, objective_result, verdict
from mltest.coordinator.analysis.figures import main_figures, smallest_batch
from mltest.coordinator.analysis.notes import notes_of
from mltest.coordinator.analysis.paired import Effect, paired_effect
from mltest.coordinator.analysis.ranking import PAIRED, Contender, ranked
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.coordinator.tests.registry import default_tests, sample_tests
from mltest.coordinator.tests.role import SampleEvidence, SampleTest
from mltest.shared.domain import (
    AgentInfo,
    Candidate,
    DatasetInfo,
    ModelInfo,
    Result,
    Standing,
    StandingRow,
    Standings,
)

__all__ = ["Problem", "summarise"]

_UNRANKED_ORDER = (Standing.GATED, Standing.FAILED, Standing.UNMEASURED, Standing.IMPOSSIBLE)


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
) -> tuple[tuple[Result, ...], Standings]:
    """Return every result, and the standings: ranked rows best first, then gated, failed, unmeasured, impossible.

    Takes a while with many samples: call it in a thread.

    Args:
        plan: what was asked for.
        model: facts about the model.
        candidates: all of them, possible or not.
        agents: those that take part.
        samples: one for each candidate and agent that sent any.
        evaluations: one for each candidate and agent whose predictions were evaluated.
        problems: what kept candidates from being measured; a candidate that could not be made needs none.
        dataset: facts about the data, for the notes.

    """
    choices = plan.tests or default_tests(model, has_target=True)
    results = _results(sample_tests(choices), samples, evaluations)
    names = {agent.agent_id: agent.name for agent in agents}
    cells = cells_of(
        candidates=candidates,
        agent_ids=tuple(names),
        samples=samples,
        evaluations=evaluations,
        problems=problems,
        results=results,
    )
    rows = _rows(cells, plan, names)
    objective = plan.objective
    return results, Standings(
        rows=rows,
        ordered_by=figure_name(objective.metric, objective.statistic, objective.batch_size),
        notes=notes_of(
            plan=plan,
            rows=rows,
            agent_names=names,
            round_count=max((len(found.rounds) for found in samples), default=0),
            results=results,
            dataset=dataset,
        ),
    )


def _results(
    tests: Sequence[SampleTest], samples: Sequence[SampleEvidence], evaluations: Sequence[Evaluation]
) -> tuple[Result, ...]:
    from_samples = (result for evidence in samples for test in tests for result in test.results(evidence))
    from_predictions = (result for evaluation in evaluations for result in evaluation.results)
    return tuple(dict.fromkeys([*from_samples, *from_predictions]))


def _rows(cells: Sequence[Cell], plan: Plan, names: Mapping[str, str]) -> tuple[StandingRow, ...]:
    baselines = _baselines(cells)
    contenders, others = [], []
    for cell in cells:
        standing, reason = verdict(cell, plan)
        row = _row(cell, standing, reason, plan.objective, names, baselines.get(cell.agent_id))
        if standing is Standing.RANKED:
            contenders.append(Contender(row=row, figure=objective_result(cell, plan.objective), samples=cell.samples))
        else:
            others.append(row)
    placed = (replace(contender.row, rank=rank) for rank, contender in ranked(contenders, plan.objective))
    return (*placed, *sorted(others, key=lambda row: _UNRANKED_ORDER.index(row.standing)))


def _row(
    cell: Cell,
    standing: Standing,
    reason: str,
    objective: Objective,
    names: Mapping[str, str],
    baseline: SampleEvidence | None,
) -> StandingRow:
    speedup = _speedup(cell, objective, baseline)
    interval = speedup.interval if speedup else None
    return StandingRow(
        candidate_id=cell.candidate.candidate_id,
        label=cell.candidate.label,
        agent_id=cell.agent_id,
        agent_name=names.get(cell.agent_id, cell.agent_id),
        is_baseline=cell.candidate.is_baseline,
        standing=standing,
        reason=reason,
        speedup=speedup.ratio if speedup else None,
        speedup_low=interval.low if interval else None,
        speedup_high=interval.high if interval else None,
        figures=main_figures(cell.results, objective),
    )


def _baselines(cells: Sequence[Cell]) -> dict[str, SampleEvidence]:
    """Return the samples of the first native baseline of each agent."""
    found: dict[str, SampleEvidence] = {}
    for cell in cells:
        if cell.candidate.is_baseline and cell.samples is not None:
            found.setdefault(cell.agent_id, cell.samples)
    return found


def _speedup(cell: Cell, objective: Objective, baseline: SampleEvidence | None) -> Effect | None:
    """Return how many times faster than the baseline, at the objective's batch size, or for the smallest call."""
    if cell.samples is None or baseline is None:
        return None
    if cell.samples is baseline:
        return Effect(ratio=1.0, interval=None)
    statistic = PAIRED.get((objective.metric, objective.statistic), median)
    effect = paired_effect(cell.samples, baseline, objective.batch_size or smallest_batch(cell.results), statistic)
    return effect and effect.inverse
