"""One cell for each candidate on each agent: all that is known of it, and where it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mltest.coordinator.analysis.doubts import is_refused
from mltest.coordinator.analysis.remarks import absence
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.planning.limits import broken_limits, find_result
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import Candidate, Result, Standing
from mltest.shared.metrics import RESULT_METRICS
from mltest.shared.units import quantity_text

Key = tuple[str, str]
"""Identities of a candidate and an agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a candidate has no figures on an agent."""

    candidate_id: str
    agent_id: str = ""
    """Empty means: on every agent."""
    standing: Standing
    """IMPOSSIBLE, FAILED or UNMEASURED."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A candidate on an agent."""

    candidate: Candidate
    agent_id: str
    """Empty where the candidate got to no agent."""
    samples: SampleEvidence | None
    evaluation: Evaluation | None
    problem: Problem | None
    results: tuple[Result, ...]
    """Of this candidate, on this agent or on none in particular."""


def cells_of(
    *,
    candidates: Sequence[Candidate],
    agent_ids: Sequence[str],
    samples: Sequence[SampleEvidence],
    evaluations: Sequence[Evaluation],
    problems: Sequence[Problem],
    results: Sequence[Result],
) -> tuple[Cell, ...]:
    """Return the cells, candidate by candidate; one without an agent for each candidate that got to none."""
    samples_by_key = {(found.candidate_id, found.agent_id): found for found in samples}
    evaluation_by_key = {(found.candidate_id, found.agent_id): found for found in evaluations}
    problem_by_key = {(found.candidate_id, found.agent_id): found for found in problems}
    results_by_key: dict[Key, list[Result]] = {}
    for result in results:
        results_by_key.setdefault((result.candidate_id, result.agent_id), []).append(result)

    def cell(candidate: Candidate, agent_id: str) -> Cell:
        key, anywhere = (candidate.candidate_id, agent_id), (candidate.candidate_id, "")
        return Cell(
            candidate=candidate,
            agent_id=agent_id,
            samples=samples_by_key.get(key),
            evaluation=evaluation_by_key.get(key) or evaluation_by_key.get(anywhere),
            problem=problem_by_key.get(key) or problem_by_key.get(anywhere),
            results=(*results_by_key.get(key, ()), *(results_by_key.get(anywhere, ()) if agent_id else ())),
        )

    measured = [*samples_by_key, *problem_by_key]
    return tuple(
        cell(candidate, agent_id)
        for candidate in candidates
        for agent_id in _agents_of(candidate, agent_ids, measured, problem_by_key)
    )


def verdict(cell: Cell, plan: Plan, verification_reason: str = "") -> tuple[Standing, str]:
    """Return where a cell stands, and why if it is not ranked.

    Args:
        cell: what is known.
        plan: objective and limits.
        verification_reason: why the answers of its timed calls rule it out; empty if they do not.

    """
    objective = plan.objective
    if cell.problem is not None and cell.problem.standing is not Standing.UNMEASURED:
        return cell.problem.standing, cell.problem.reason
    if not cell.candidate.is_possible:
        return Standing.IMPOSSIBLE, cell.candidate.reason
    if cell.samples is None:
        return Standing.UNMEASURED, cell.problem.reason if cell.problem else "not measured"
    if verification_reason:
        return Standing.GATED, verification_reason
    if cell.evaluation is None:
        return Standing.UNMEASURED, "its predictions have not been compared with those of the native model yet"
    if reason := cell.evaluation.gate_reason or broken_limits(plan.bounds, cell.results):
        return Standing.GATED, reason
    figure = objective_result(cell, objective)
    if figure.value is None:
        name = figure_name(objective.metric, objective.statistic, objective.batch_size)
        why = absence(cell.samples.remarks, objective.metric, objective.batch_size) or figure.reason
        return Standing.UNMEASURED, f"no {name}: {why}"
    if is_refused(figure):
        name = figure_name(objective.metric, objective.statistic, objective.batch_size)
        value = quantity_text(figure.value, RESULT_METRICS[objective.metric].unit)
        return Standing.REFUSED, f"{name} is {value}, but its machine gives no rank: {figure.doubt}"
    return Standing.RANKED, ""


def objective_result(cell: Cell, objective: Objective) -> Result:
    """Return the result that a cell is ranked by; its reason says why it has no value."""
    found = find_result(cell.results, objective.metric, objective.statistic, objective.batch_size)
    return found or Result(
        candidate_id=cell.candidate.candidate_id,
        agent_id=cell.agent_id,
        test="",
        metric=objective.metric,
        statistic=objective.statistic,
        batch_size=objective.batch_size,
        reason="no test of the plan reports it",
    )


def _agents_of(
    candidate: Candidate, agent_ids: Sequence[str], measured: Sequence[Key], problems: Mapping[Key, Problem]
) -> tuple[str, ...]:
    here = [agent_id for candidate_id, agent_id in measured if candidate_id == candidate.candidate_id and agent_id]
    is_nowhere = not candidate.is_possible or (candidate.candidate_id, "") in problems
    if is_nowhere and not here:
        return ("",)
    return tuple(dict.fromkeys([*agent_ids, *here])) or ("",)
