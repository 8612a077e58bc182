"""What a job would do, in lines for people; the same on the command line and over the network. Pure."""

from collections.abc import Iterator, Sequence

from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import most_rounds, stop_rule
from mltest.coordinator.planning.screening import SCREEN_ROUNDS, is_screened
from mltest.coordinator.planning.time_estimate import energy_estimate
from mltest.coordinator.tests.energy import Energy
from mltest.shared.domain import Candidate, DatasetInfo, ModelInfo, PrunedCell
from mltest.shared.units import duration_text

_NAMED = 10
"""How many candidates are named for each reason."""


def preview_lines(
    plan: Plan,
    model: ModelInfo,
    dataset: DatasetInfo,
    candidates: Sequence[Candidate],
    pruned: Sequence[PrunedCell],
    left_out: Sequence[PrunedCell],
    *,
    least_s: float,
    most_s: float,
    energy: Energy | None = None,
) -> Iterator[str]:
    """Yield model and data, the candidates, what is pruned and left out with the reasons, and the time."""
    made = [candidate for candidate in candidates if not candidate.reason]
    lost = [candidate for candidate in candidates if candidate.reason]
    yield f"{model.kind} ({model.family}, {model.task.value}, {model.format}), {dataset.row_count:,} rows"
    yield ""
    yield f"{_count(len(made), 'candidate')} would be made and measured:"
    yield from (_line(candidate.candidate_id, _named(candidate)) for candidate in made)
    yield from _section("No candidate of this runtime:", [(one.label, one.reason) for one in lost])
    yield from _section("Does not take this model:", [(cell.label, cell.reason) for cell in pruned])
    yield from _section("Left out by the plan:", list(_grouped(left_out)))
    yield ""
    if is_screened(plan, len(made)):
        yield (
            f"{SCREEN_ROUNDS} short rounds come first. Who then is certainly slower than the two best with every batch "
            "size gets no further round; the others get the rounds below. --screen no leaves that out."
        )
    yield (
        f"Measuring takes about {duration_text(least_s)} to {duration_text(most_s)} on each agent ({_rounds(plan)}); "
        "making the candidates comes before, and calls that are slower than a slice add to it."
    )
    if energy is not None:
        yield from _energy(plan, energy, len(made))


def _energy(plan: Plan, energy: Energy, candidate_count: int) -> Iterator[str]:
    """Yield how long energy takes, which is not in the time above: nobody knows yet which agents have a meter."""
    found = energy_estimate(energy.energy_spec(), energy.rounds, candidate_count)
    within = f", within the budget of {duration_text(plan.budget_s)} in all" if plan.budget_s else ""
    yield (
        f"Energy takes another {duration_text(found.least_s)} or more on an agent that has a fast meter, and up to "
        f"{duration_text(found.most_s)} with a slow one{within} ({_count(energy.rounds, 'round')}, each candidate "
        "alone); nothing where there is no meter. A plan or --tests without energy leaves it out."
    )


def _named(candidate: Candidate) -> str:
    mark = " *" if candidate.is_baseline else " (lossy)" if candidate.is_lossy else ""
    return f"{candidate.label}{mark}"


def _section(title: str, lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    if lines:
        yield ""
        yield title
        yield from (f"  {label}: {reason}" for label, reason in lines)


def _grouped(cells: Sequence[PrunedCell]) -> Iterator[tuple[str, str]]:
    """Yield each reason once, with the first of the cells that it leaves out."""
    labels: dict[str, list[str]] = {}
    for cell in cells:
        labels.setdefault(cell.reason, []).append(cell.label)
    for reason, found in labels.items():
        more = f" and {len(found) - _NAMED} more (--json names them)" if len(found) > _NAMED else ""
        yield f"{reason}", f"{'; '.join(found[:_NAMED])}{more}"


def _line(identity: str, text: str) -> str:
    return f"  {identity}  {text}"


def _rounds(plan: Plan) -> str:
    rule = stop_rule(plan)
    return _count(plan.rounds, "round") if rule is None else f"{rule.min_rounds} to {most_rounds(plan)} rounds"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
