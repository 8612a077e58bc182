"""Two jobs side by side: what became of each candidate and of each of its figures. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mltest.coordinator.analysis.drift_text import part_text
from mltest.coordinator.analysis.energy_evidence import NO_ENERGY
from mltest.coordinator.analysis.figure_change import Figure, Pair, Side, difference_of
from mltest.coordinator.analysis.measured import MeasuredJob, own
from mltest.coordinator.analysis.speed import CheckedSpeed, is_drifted, job_check, speed_drift
from mltest.coordinator.analysis.yardstick import shared_yardstick
from mltest.shared.domain import (
    AgentInfo,
    Basis,
    Candidate,
    Change,
    Comparison,
    Difference,
    EnvironmentChange,
    Result,
    Standing,
    StandingRow,
)
from mltest.shared.statistics.claims import ALPHA_FIXED, ALPHA_STOPPED

EARLIER_PREFIX = "a-"
"""Begins the identity of a candidate that was taken from an earlier job; what follows is its identity there."""

_NOTHING: Mapping[str, Mapping[str, str]] = {}
_NO_FACTS: Mapping[str, str] = {}

Recipe = tuple[str, str, int, str]
"""What a candidate is told by, whatever its artifact is: runtime, exporter, threads, label (which names options)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Half:
    """One of two jobs: where its candidates were measured, and where they stand."""

    home: MeasuredJob
    """The job itself: its candidates, their standings."""
    place: MeasuredJob
    """Where they were measured: the other job, if that one was submitted against this one."""

    def candidates(self) -> dict[Recipe, Candidate]:
        """Return the job's own candidates by recipe."""
        return {_recipe(found): found for found in own(self.home.candidates)}

    def place_id(self, candidate: Candidate) -> str:
        """Return the identity of `candidate` where it was measured."""
        return candidate.candidate_id if self.place is self.home else EARLIER_PREFIX + candidate.candidate_id


def compare(before: MeasuredJob, after: MeasuredJob) -> Comparison:
    """Return what is different in `after`; takes a while with many samples: call it in a thread.

    If one of the jobs was submitted against the other, the candidates of both were measured in its slices, and are
    compared there; otherwise times are compared through what was measured beside them in both jobs.
    """
    old, new = _halves(before, after)
    is_paired = old.place is new.place
    pairs = list(_pairs(old, new, is_paired=is_paired))
    sizes = Counter((pair.agent_id, figure) for pair in pairs for figure in pair.figures)
    differences: list[Difference] = list(_only_in_one(old, new))
    for pair in pairs:
        differences += _standing_changes(pair, old, new)
        differences += [
            difference_of(pair, figure, family_size=sizes[pair.agent_id, figure]) for figure in pair.figures
        ]
    return Comparison(
        job_a=before.job.job_id,
        job_b=after.job.job_id,
        is_paired=is_paired,
        differences=tuple(differences),
        environment=() if is_paired else tuple(_environment(before, after)),
        notes=tuple(_notes(before, after, is_paired=is_paired)),
    )


def _halves(before: MeasuredJob, after: MeasuredJob) -> tuple[_Half, _Half]:
    old, new = _Half(home=before, place=before), _Half(home=after, place=after)
    if any(found.from_job_id == before.job.job_id for found in after.candidates):
        old = _Half(home=before, place=after)
    elif any(found.from_job_id == after.job.job_id for found in before.candidates):
        new = _Half(home=after, place=before)
    return old, new


def _pairs(old: _Half, new: _Half, *, is_paired: bool) -> Iterator[Pair]:
    """Yield what is in both jobs: candidate by candidate, agent by agent."""
    before, after = old.candidates(), new.candidates()
    is_stopped = old.place.has_stop_rule or new.place.has_stop_rule
    for recipe, candidate in after.items():
        if recipe not in before:
            continue
        for agent in new.place.agents:
            if not any(agent.agent_id == other.agent_id for other in old.place.agents):
                continue
            yardstick = None if is_paired else shared_yardstick(old.place, new.place, agent.agent_id)
            sides = (
                _side(old, before[recipe], agent.agent_id, yardstick.candidate_id if yardstick else ""),
                _side(new, candidate, agent.agent_id, yardstick.other_id if yardstick else ""),
            )
            yield Pair(
                label=candidate.label,
                runtime=candidate.runtime,
                agent_id=agent.agent_id,
                agent_name=agent.name,
                before=sides[0],
                after=sides[1],
                is_paired=is_paired,
                yardstick=yardstick,
                is_yardstick=yardstick is not None
                and yardstick.basis is Basis.BASELINE
                and yardstick.other_id == candidate.candidate_id,
                alpha=ALPHA_STOPPED if is_stopped else ALPHA_FIXED,
            )


def _side(half: _Half, candidate: Candidate, agent_id: str, yardstick_id: str) -> Side:
    candidate_id = half.place_id(candidate)
    return Side(
        results=_results(half.place.results, candidate_id, agent_id),
        measured=half.place.by_key.get((candidate_id, agent_id)),
        yardstick=half.place.by_key.get((yardstick_id, agent_id)),
        energy=half.place.energies.get((candidate_id, agent_id), NO_ENERGY),
    )


def _results(results: Sequence[Result], candidate_id: str, agent_id: str) -> Mapping[Figure, Result]:
    """Return the results of a candidate that are not of a single class or row."""
    return {
        (found.metric, found.statistic, found.batch_size): found
        for found in results
        if found.candidate_id == candidate_id and found.agent_id in ("", agent_id) and not found.label
    }


def _recipe(candidate: Candidate) -> Recipe:
    return candidate.runtime, candidate.exporter, candidate.threads, candidate.label


def _only_in_one(old: _Half, new: _Half) -> Iterator[Difference]:
    before, after = old.candidates(), new.candidates()
    for candidates, others, half in ((before, after, old), (after, before, new)):
        for recipe, candidate in candidates.items():
            if recipe not in others and candidate.is_possible:
                yield Difference(
                    label=candidate.label,
                    runtime=candidate.runtime,
                    change=Change.INCOMPARABLE,
                    reason=f"only in {half.home.job.job_id}",
                )


def _standing_changes(pair: Pair, old: _Half, new: _Half) -> Iterator[Difference]:
    """Yield what happened to a candidate as a whole."""
    before, after = _row(old, pair), _row(new, pair)
    if before is None or after is None or before.standing is after.standing:
        return
    was_there, is_there = (row.standing is Standing.RANKED for row in (before, after))
    if Standing.UNMEASURED in (before.standing, after.standing) or not (was_there or is_there):
        change = Change.INCOMPARABLE
    else:
        change = Change.BROKEN if was_there else Change.REPAIRED
    row = before if is_there else after
    yield Difference(
        label=pair.label,
        runtime=pair.runtime,
        agent_id=pair.agent_id,
        agent_name=pair.agent_name,
        change=change,
        reason=f"{'was ' if is_there else ''}{row.standing.value}: {row.reason}",
    )


def _row(half: _Half, pair: Pair) -> StandingRow | None:
    """Return the row of a candidate in its own job; one that got to no agent has a row without one."""
    wanted = {found.candidate_id for found in own(half.home.candidates) if found.label == pair.label}
    for row in half.home.standings.rows:
        if row.candidate_id in wanted and row.agent_id in ("", pair.agent_id):
            return row
    return None


def _environment(before: MeasuredJob, after: MeasuredJob) -> Iterator[EnvironmentChange]:
    for agent in after.agents:
        yield from _changes(agent, before.environments, after.environments)
        yield from _changes(agent, before.fingerprints, after.fingerprints, known=after.environments)


def _changes(
    agent: AgentInfo,
    before: Mapping[str, Mapping[str, str]],
    after: Mapping[str, Mapping[str, str]],
    known: Mapping[str, Mapping[str, str]] = _NOTHING,
) -> Iterator[EnvironmentChange]:
    """Yield what of an agent is different, less what is told under a name that is `known` already."""
    old, new = before.get(agent.agent_id), after.get(agent.agent_id)
    if old is None or new is None:
        return
    told = known.get(agent.agent_id, _NO_FACTS)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name, "") != new.get(name, "") and name.rpartition(": ")[2] not in told:
            yield EnvironmentChange(
                agent_id=agent.agent_id,
                agent_name=agent.name,
                name=name,
                before=old.get(name, ""),
                after=new.get(name, ""),
            )


def _speeds(before: MeasuredJob, after: MeasuredJob) -> Iterator[str]:
    """Yield where a fixed piece of work says that the machine itself is another one now."""
    for agent in after.agents:
        old, new = (job_check(job.speeds.get(agent.agent_id, CheckedSpeed())) for job in (before, after))
        drift = speed_drift(old, new) if old and new else None
        if drift is None:
            continue
        if drift.reason:
            yield f"{agent.name}: {drift.reason}, so that nothing says whether the machine itself is as fast as it was."
        elif changes := [part_text(part) for part in drift.parts if is_drifted(part)]:
            yield f"{agent.name}: the machine itself has changed: a fixed piece of work took {'; '.join(changes)}."


def _notes(before: MeasuredJob, after: MeasuredJob, *, is_paired: bool) -> Iterator[str]:
    if is_paired:
        place = after if before.job.job_id in {found.from_job_id for found in after.candidates} else before
        yield f"The candidates of both were measured in the same slices of {place.job.job_id}: differences beyond 2 %."
    if before.job.spec.model.name != after.job.spec.model.name:
        yield f"The models are named {before.job.spec.model.name} and {after.job.spec.model.name}."
    if before.job.dataset and after.job.dataset and before.job.dataset.sha256 != after.job.dataset.sha256:
        yield "The datasets differ: so may the work of a call, and qualities are not of the same rows."
    if is_paired:
        return
    yield from _speeds(before, after)
    here, there = ({agent.agent_id: agent.name for agent in job.agents} for job in (before, after))
    for agents, others, job in ((here, there, before), (there, here, after)):
        names = [name for agent_id, name in agents.items() if agent_id not in others]
        if names:
            yield f"Only in {job.job.job_id}: agent{'s' if len(names) > 1 else ''} {', '.join(sorted(names))}."
    if not here.keys() & there.keys():
        yield "No agent is in both jobs, so that no figure is compared."
