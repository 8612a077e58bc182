"""Which candidates of an agent the screening left: decided once from stored evidence, then read from stored visits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mltest.coordinator.job.blocks import blocks, is_shared
from mltest.coordinator.job.slice_times import Cell, SliceTimes
from mltest.coordinator.planning.screening import SCREEN_ROUNDS
from mltest.coordinator.store import StoredVisit
from mltest.shared.domain import AgentInfo, Candidate, DatasetInfo
from mltest.shared.statistics.screening import screened_out

_NAMED = 10
"""How many of those that are out a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """The screening of one agent: the rounds before `end`."""

    agent: AgentInfo
    candidates: tuple[Candidate, ...]
    """That can run there, the reference included."""
    dataset: DatasetInfo | None

    @property
    def groups(self) -> tuple[tuple[Candidate, ...], ...]:
        """Candidates that are measured beside each other."""
        return blocks(self.candidates, self.agent.host.memory_bytes, self.dataset) if self.candidates else ()

    @property
    def end(self) -> int:
        """Index of the first round behind it."""
        return SCREEN_ROUNDS * len(self.groups)

    def later(self, visits: Iterable[StoredVisit]) -> tuple[StoredVisit, ...]:
        """Return the visits of the agent behind the screening."""
        return tuple(
            visit for visit in visits if visit.agent_id == self.agent.agent_id and visit.spec.round_index >= self.end
        )

    def out_of_visits(self, visits: Sequence[StoredVisit]) -> frozenset[str] | None:
        """Return who was screened out, as the visits behind it say; None where there are none."""
        later = self.later(visits)
        if not later:
            return None
        left = {one.candidate_id for visit in later for one in visit.spec.candidates}
        return frozenset(one.candidate_id for one in self.candidates) - left

    def out_of_times(self, times: SliceTimes, may_lead: frozenset[str], cell: Cell | None) -> frozenset[str]:
        """Return who is certainly slower than the two best with every batch size; the baseline always stays."""
        own = [one for one in self.candidates if not one.is_reference]
        found: set[str] = set()
        for group in self.groups:
            names = [one.candidate_id for one in group if not one.is_reference]
            found |= screened_out(
                times.contenders(names, ""),
                may_lead,
                objective_cell=cell,
                round_count=SCREEN_ROUNDS,
                ranked_count=len(own),
            )
        return frozenset(found) - {one.candidate_id for one in own if is_shared(one)}

    def left(self, out: frozenset[str]) -> tuple[Candidate, ...]:
        """Return the candidates without those that are out."""
        return tuple(one for one in self.candidates if one.candidate_id not in out)


def screened_texts(agent_name: str, labels: Sequence[str]) -> Iterator[str]:
    """Yield who gets no further round on an agent, in one sentence; nothing if everybody goes on."""
    if labels:
        more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
        names = "; ".join(labels[:_NAMED])
        noun = "candidate is" if len(labels) == 1 else "candidates are"
        yield f"{agent_name}: {len(labels)} {noun} certainly slower than the two best, no further rounds: {names}{more}"
