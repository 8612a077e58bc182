"""What a conclusion takes from the store beside samples."""

from dataclasses import replace

import pytest

from mltest.coordinator.analysis.standings import Problem, summarise
from mltest.coordinator.builder.builder import Evaluation
from mltest.coordinator.job.evidence import (
    Evidence,
    machine_classes,
    remarks_by_key,
    stop_reasons,
    verification_reasons,
)
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.planning.profiles import stop_rule
from mltest.coordinator.store import StoredMachineState, StoredRemarks, StoredVerification
from mltest.coordinator.tests.role import SampleEvidence
from mltest.shared.domain import (
    AgentInfo,
    CallRemark,
    CallsVerified,
    Candidate,
    MachineClass,
    MachineState,
    Output,
    RemarkKind,
    Result,
    RuntimeInfo,
    Standing,
    Task,
    VerifiedCalls,
)
from mltest.shared.statistics.adaptive import StopReason
from tests.unit.coordinator.evidence import MODEL, agent, candidate, timed

UNSTEADY = CallRemark(kind=RemarkKind.UNSTEADY, metric="latency_ns", batch_size=1)
FEW = CallRemark(kind=RemarkKind.FEW_ROWS)


def machine(agent_id: str, machine_class: MachineClass) -> StoredMachineState:
    state = MachineState(machine_class=machine_class, foreign_load_ratio=0, steal_ratio=0, canary_cv_ratio=0)
    return StoredMachineState(agent_id=agent_id, round_index=0, state=state)


def verification(**calls: float) -> StoredVerification:
    found = VerifiedCalls(metric="latency_ns", batch_size=1, row_count=10, **calls)  # type: ignore[arg-type]  # by name
    return StoredVerification(agent_id="a", round_index=0, verified=CallsVerified(candidate_id="c", calls=(found,)))


def test_the_worst_class_of_the_visits_of_an_agent_counts() -> None:
    order = [MachineClass.DEDICATED, MachineClass.SHARED, MachineClass.UNSPECIFIED, MachineClass.NOISY]
    for place, worst in enumerate(order):
        visits = [machine("a", better) for better in order[: place + 1]]
        assert machine_classes(visits) == machine_classes(visits[::-1]) == {"a": worst}
    assert machine_classes([machine("a", order[0]), machine("b", order[3])]) == {"a": order[0], "b": order[3]}
    assert machine_classes([]) == {}


def test_a_remark_that_came_in_every_round_is_kept_once() -> None:
    rounds = [
        StoredRemarks(agent_id="a", candidate_id="c", round_index=index, remarks=remarks, thread_count=1)
        for index, remarks in enumerate([(UNSTEADY,), (UNSTEADY, FEW), ()])
    ]

    assert remarks_by_key(rounds) == {("c", "a"): (UNSTEADY, FEW)}


def test_only_calls_that_answer_otherwise_give_a_reason() -> None:
    one = candidate("c")
    good, bad = verification(), verification(differing_row_count=2)

    assert verification_reasons([good], [one], MODEL, [], Plan()) == {}
    assert "2 of 10 rows" in verification_reasons([good, bad], [one], MODEL, [], Plan())[("c", "a")]


def test_only_what_varies_with_the_batch_may_answer_otherwise_and_no_more_than_it_differs_itself() -> None:
    lossy = replace(candidate("c"), is_lossy=True)
    varying = replace(lossy, varies_with_batch=True)
    own = Result(candidate_id="c", test="agreement", metric="max_abs_difference", value=0.01)
    evaluations = [Evaluation(candidate_id="c", agent_id="a", results=(own,), gate_reason="")]
    near, far = verification(max_abs_difference=0.005), verification(max_abs_difference=0.02)

    assert verification_reasons([near], [lossy], MODEL, evaluations, Plan()) != {}
    assert verification_reasons([near], [varying], MODEL, evaluations, Plan()) == {}
    assert verification_reasons([far], [varying], MODEL, evaluations, Plan()) != {}
    labels = verification(differing_row_count=1)
    assert verification_reasons([labels], [varying], MODEL, evaluations, Plan(lossy_max_differing_ratio=0.1)) == {}
    assert verification_reasons([labels], [varying], MODEL, evaluations, Plan()) != {}


def test_a_difference_of_a_regressor_is_judged_by_the_size_of_its_values() -> None:
    regressor = replace(MODEL, task=Task.REGRESSION, output=Output.VALUES)
    found = verification(max_abs_difference=0.001)
    largest = Result(candidate_id="c", test="agreement", metric="largest_value", value=1e4)
    evaluation = Evaluation(candidate_id="c", agent_id="a", results=(largest,), gate_reason="")

    assert verification_reasons([found], [candidate("c")], regressor, [evaluation], Plan()) == {}
    assert verification_reasons([found], [candidate("c")], regressor, [], Plan()) != {}


def test_a_candidate_whose_calls_answer_otherwise_is_gated_with_the_reason() -> None:
    evaluations = [Evaluation(candidate_id=name, agent_id="a", results=(), gate_reason="") for name in ("n", "x")]
    _, standings = summarise(
        plan=Plan(),
        model=MODEL,
        candidates=[candidate("n", is_baseline=True), candidate("x")],
        agents=[agent("a")],
        samples=[timed("n", "a", 1e5, seed=1), timed("x", "a", 5e4, seed=2)],
        evaluations=evaluations,
        problems=(),
        verification_reasons={("x", "a"): "calls answer otherwise"},
    )

    assert [(row.candidate_id, row.standing, row.reason) for row in standings.rows] == [
        ("n", Standing.RANKED, ""),
        ("x", Standing.GATED, "calls answer otherwise"),
    ]


def decided(*problems: Problem) -> dict[tuple[str, str], StopReason]:
    plan = Plan(rounds=0)
    rule = stop_rule(plan)
    assert rule is not None
    names = {"n": 1e5, "slow": 2e5, "equal": 1e5}
    evidence = Evidence(
        plan=plan,
        model=MODEL,
        dataset=None,
        candidates=tuple(_on_a(candidate(name, is_baseline=name == "n")) for name in names),
        agents=(_able(agent("a")),),
        samples=tuple(
            _named(timed(name, "a", call_ns, seed=3, round_count=rule.max_rounds)) for name, call_ns in names.items()
        ),
        evaluations=(),
        problems=problems,
        machine_classes={},
        verification_reasons={},
    )
    return stop_reasons(evidence, rule)


def _named(found: SampleEvidence) -> SampleEvidence:
    """Return evidence whose series name their candidate, as stored ones do."""
    rounds = [
        replace(one, series=tuple(replace(series, candidate_id=found.candidate_id) for series in one.series))
        for one in found.rounds
    ]
    return replace(found, rounds=tuple(rounds))


def _on_a(one: Candidate) -> Candidate:
    return replace(one, runtime="runtime", format="x")


def _able(one: AgentInfo) -> AgentInfo:
    return replace(one, runtimes=(RuntimeInfo(name="runtime", version="1", is_available=True, formats=("x",)),))


def test_stop_reasons_are_decided_anew_from_stored_samples() -> None:
    found = decided()

    assert found[("slow", "a")] is StopReason.ELIMINATED
    assert found[("equal", "a")] is StopReason.PRECISE


@pytest.mark.parametrize("standing", [Standing.FAILED, Standing.UNMEASURED])
def test_only_a_candidate_that_failed_has_no_stop_reason(standing: Standing) -> None:
    found = decided(Problem(candidate_id="slow", agent_id="a", standing=standing, reason="broke"))

    assert (("slow", "a") in found) == (standing is not Standing.FAILED)
