"""What stands below the table: what its marks mean, why a figure is missing, and the notes of the analysis."""

from collections.abc import Iterator, Sequence

from mltest.coordinator.planning.figure_names import figure_name
from mltest.coordinator.report.machine_text import finding_texts
from mltest.coordinator.report.plain import sentence
from mltest.shared.domain import AgentMachine, JobResults, MachineClass, StandingRow

_WORTH = {
    MachineClass.SHARED: "shared: other work ran on the machine as well; absolute times are indicative, speed-ups and "
    "ranks hold.",
    MachineClass.UNSPECIFIED: "unknown: what else ran on the machine could not be read; absolute times are indicative, "
    "speed-ups and ranks hold. See mltest-agent doctor there.",
    MachineClass.EMULATED: "emulated: a program played the processor: nothing timed (grey) is of such a machine.",
    MachineClass.NOISY: "noisy: other work took most of the machine, or its speed varied: speed-ups and ranks hold, "
    "absolute times (grey) do not. See mltest-agent doctor there.",
}


def remarks(results: JobResults) -> Iterator[str]:
    """Yield the remarks, one sentence or two each."""
    ranked = [row for row in results.standings.rows if row.rank is not None]
    if ranked:
        yield f"Ordered by {results.standings.ordered_by}. ± is half of a 95 % interval over rounds (fresh processes)."
    if any(row.is_baseline for row in ranked):
        yield "* the native baseline: the model as submitted, in its own library, on the same agent."
    if any(row.is_lossy for row in results.standings.rows):
        yield (
            "(lossy): its recipe means to change predictions; the plan's limits for lossy candidates gate it. Where it "
            "chose by one half of the rows, its quality is that of the other half, marked \u2020."
        )
    yield from _energy(ranked)
    yield from _unmetered(results)
    yield from _machines(ranked)
    yield from _findings(results.standings.machines, has_energy=_has_energy(results))
    yield from _missing(ranked)
    yield from _of_rows(results.standings.rows)
    yield from results.standings.notes


def _energy(rows: Sequence[StandingRow]) -> Iterator[str]:
    """Say what joules are of, once for each boundary and meter."""
    found = (one for row in rows for one in row.figures if one.metric == "gross_energy_j" and one.value is not None)
    said = {(one.boundary, one.meter, one.is_estimate): one.count for one in found}
    for (boundary, meter, is_estimate), count in said.items():
        estimate = " It is an estimate, no measurement." if is_estimate else ""
        yield (
            f"energy: all joules of {boundary} (meter {meter}) for one row, in {count} rounds with one candidate at a "
            f"time; ± is a whole 95 % interval with the scale of the meter.{estimate} 'show --tests' has net and idle."
        )


def _unmetered(results: JobResults) -> Iterator[str]:
    """Say once that there are no joules, where the plan asked for them and no agent that measured has a meter."""
    measured = {row.agent_id for row in results.standings.rows if row.round_count}
    agents = [agent for agent in results.agents if agent.agent_id in measured]
    is_asked = any(one.metric == "gross_energy_j" and not one.boundary for one in results.results)
    if not agents or not is_asked or _has_energy(results):
        return
    if any(meter.is_available for agent in agents for meter in agent.meters):
        yield f"energy was not measured: 'mltest-coordinator show {results.job.job_id} --tests' says why."
    else:
        where = "the agent" if len(agents) == 1 else "every agent"
        yield f"energy was not measured: {where} has no meter that it can read; mltest-agent meters says there why."


def _machines(rows: Sequence[StandingRow]) -> Iterator[str]:
    """Say what absolute numbers are worth, for each class of machine in the table."""
    found = dict.fromkeys(row.machine_class for row in rows if row.round_count)
    yield from (_WORTH[machine_class] for machine_class in found if machine_class in _WORTH)


def _has_energy(results: JobResults) -> bool:
    """Return whether any joules were measured."""
    return any(one.metric == "gross_energy_j" and one.boundary for one in results.results)


def _findings(machines: Sequence[AgentMachine], *, has_energy: bool) -> Iterator[str]:
    """Say what the state of machines makes of figures; warnings are told by `show`."""
    for machine in machines:
        texts = list(finding_texts(machine, has_warnings=False, has_energy=has_energy))
        yield from (sentence(f"! {machine.agent_name}: {text}") for text in texts)


def _of_rows(rows: Sequence[StandingRow]) -> Iterator[str]:
    """Say once what has to be known of the figures of some rows, and of which."""
    measured = [row for row in rows if row.round_count]
    names: dict[str, list[str]] = {}
    for row in measured:
        for text in row.remarks:
            names.setdefault(text, []).append(f"{row.label} on {row.agent_name}")
    for text, found in names.items():
        who = "every candidate" if len(found) == len(measured) > 1 else ", ".join(found)
        yield sentence(f"! {who}: {text}")


def _missing(rows: Sequence[StandingRow]) -> Iterator[str]:
    """Say once for each figure why some rows have none."""
    reasons: dict[str, str] = {}
    for row in rows:
        for figure in row.figures:
            if figure.value is None:
                name = figure_name(figure.metric, figure.statistic, figure.batch_size)
                reasons.setdefault(name, f"{row.label} on {row.agent_name}: {figure.reason}")
    for name, reason in reasons.items():
        yield sentence(f"- no {name}. {reason}")
