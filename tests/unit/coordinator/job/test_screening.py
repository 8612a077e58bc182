"""When a job is screened, what its visits are then, and what is said of it."""

from dataclasses import replace

import pytest

from mltest.coordinator.analysis.remarks import stop_text
from mltest.coordinator.builder.recipes import Recipes
from mltest.coordinator.job.evidence import Evidence, stop_reasons
from mltest.coordinator.job.previewing import preview_of
from mltest.coordinator.job.scheduler import plan_visits
from mltest.coordinator.job.screening import Screening, screened_texts
from mltest.coordinator.job.slice_times import SliceTimes
from mltest.coordinator.planning.plan import Objective, Plan
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.planning.profiles import stop_rule
from mltest.coordinator.planning.screening import SCREEN_ABOVE, SCREEN_ROUNDS, is_screened, screening_spec
from mltest.coordinator.planning.time_estimate import time_estimate
from mltest.coordinator.store import StoredVisit
from mltest.shared.domain import LatencySpec, Outcome
from mltest.shared.errors import PlanInvalidError
from mltest.shared.statistics.adaptive import StopReason
from tests.unit.coordinator.builder.test_preview import INSPECTION, LATENCY
from tests.unit.coordinator.evidence import MODEL, agent, candidate, timed
from tests.unit.coordinator.job.test_job_evidence import _able, _named, _on_a
from tests.unit.coordinator.job.test_scheduler import AGENT, NATIVE, SUBJECT, others, reference

SIZE = Objective(metric="artifact_bytes", statistic="value", batch_size=0)
MANY = SCREEN_ABOVE + 1


@pytest.mark.parametrize(
    ("plan", "count", "expected"),
    [
        (Plan(), SCREEN_ABOVE, False),
        (Plan(), MANY, True),
        (Plan(profile="publish"), MANY, True),
        (Plan(profile="quick"), MANY, False),
        (Plan(profile="quick", screen="yes"), 3, True),
        (Plan(screen="no"), MANY, False),
        (Plan(rounds=10), MANY, False),
        (Plan(objective=SIZE), MANY, False),
        (Plan(objective=Objective(metric="throughput_rows_per_s", statistic="mean", batch_size=128)), MANY, True),
    ],
)
def test_a_job_is_screened_where_that_pays_or_was_asked_for(plan: Plan, count: int, *, expected: bool) -> None:
    assert is_screened(plan, count) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[job]\nscreen = "yes"\nrounds = 6\n', "leave out --rounds or --screen"),
        ('[job]\nscreen = "yes"\n[objective]\nmetric = "artifact_bytes"\n', "is no time or rate"),
        ('[job]\nscreen = "maybe"\n', "one of auto, yes, no"),
    ],
)
def test_a_screening_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(PlanInvalidError, match=message):
        parse_plan(text)


def test_the_choice_survives_being_written_as_a_plan() -> None:
    assert parse_plan(plan_toml(Plan(screen="yes"))) == Plan(screen="yes")


def test_a_screening_times_every_batch_size_in_few_slices() -> None:
    full = LatencySpec(batch_sizes=(1, 16), slice_count=24, slice_ns=10, warmup_ns=100)
    assert screening_spec(full) == replace(full, slice_count=6, warmup_ns=25)
    assert screening_spec(replace(full, slice_count=2)) == replace(full, slice_count=2, warmup_ns=25)
    assert screening_spec(None) is None


def test_rounds_behind_a_screening_have_indexes_and_visits_of_their_own() -> None:
    everybody, left = [NATIVE, *others(3), reference()], [NATIVE, *others(1), reference()]
    before = plan_visits(SUBJECT, AGENT, everybody, rounds=range(SCREEN_ROUNDS))
    behind = plan_visits(SUBJECT, AGENT, left, rounds=range(2), first_index=len(before))

    assert [visit.round_index for visit in (*before, *behind)] == list(range(SCREEN_ROUNDS + 2))
    assert len({visit.visit_id for visit in (*before, *behind)}) == SCREEN_ROUNDS + 2
    assert [visit.collects_predictions for visit in (*before, *behind)] == [True] + [False] * (SCREEN_ROUNDS + 1)
    assert not any(visit.verifies_calls for visit in behind), "both were done in the screening"


SCREENING = Screening(agent=AGENT, candidates=(NATIVE, *others(3), reference()), dataset=None)
NAMES = [one.candidate_id for one in others(3)]


def visits_of(candidates: tuple[str, ...], *, first: int, count: int) -> list[StoredVisit]:
    subjects = [one for one in SCREENING.candidates if one.candidate_id in candidates]
    return [
        StoredVisit(agent_id=AGENT.agent_id, spec=visit, outcome=Outcome.OK, reason_code="", reason="")
        for visit in plan_visits(SUBJECT, AGENT, subjects, rounds=range(count), first_index=first)
    ]


def test_who_was_left_is_read_from_the_visits_that_were_planned_behind() -> None:
    everybody = tuple(one.candidate_id for one in SCREENING.candidates)
    before = visits_of(everybody, first=0, count=SCREEN_ROUNDS)
    behind = visits_of(tuple(name for name in everybody if name != NAMES[1]), first=SCREENING.end, count=2)

    assert SCREENING.out_of_visits(before) is None, "nothing is decided yet"
    assert SCREENING.out_of_visits([*before, *behind]) == frozenset({NAMES[1]})
    elsewhere = [replace(visit, agent_id="b" * 32) for visit in behind]
    assert SCREENING.out_of_visits([*before, *elsewhere]) is None
    assert [one.candidate_id for one in SCREENING.left(frozenset({NAMES[1]}))] == [
        name for name in everybody if name != NAMES[1]
    ]


TIMES_NS = {"native": 3e6, NAMES[0]: 1e4, NAMES[1]: 1.1e4, NAMES[2]: 2e6}


def test_the_baseline_stays_however_slow_it_is() -> None:
    times = SliceTimes(Objective())
    for name, call_ns in TIMES_NS.items():
        for one in _named(timed(name, "a", call_ns, seed=2, round_count=SCREEN_ROUNDS)).rounds:
            times.add(one.round_index, one.series)
    everybody = frozenset(TIMES_NS)

    assert SCREENING.out_of_times(times, everybody, ("latency_ns", 1)) == {NAMES[2]}
    assert SCREENING.out_of_times(times, frozenset(), ("latency_ns", 1)) == frozenset()
    assert SCREENING.out_of_times(times, everybody, None) == frozenset()


def test_the_table_says_who_was_screened_out_and_decides_on_the_rounds_behind() -> None:
    plan = Plan(screen="yes")
    rule = stop_rule(plan)
    assert rule is not None
    last = SCREEN_ROUNDS + rule.max_rounds
    names = {"n": (1e5, last), "equal": (1e5, last), "slow": (3e6, SCREEN_ROUNDS)}
    evidence = Evidence(
        plan=plan,
        model=MODEL,
        dataset=None,
        candidates=tuple(_on_a(candidate(name, is_baseline=name == "n")) for name in names),
        agents=(_able(agent("a")),),
        samples=tuple(_named(timed(name, "a", ns, seed=3, round_count=count)) for name, (ns, count) in names.items()),
        evaluations=(),
        problems=(),
        machine_classes={},
        verification_reasons={},
        screened={"a": frozenset({"slow"})},
    )
    found = stop_reasons(evidence, rule)

    assert found["slow", "a"] is StopReason.SCREENED
    assert found["equal", "a"] is not StopReason.SCREENED
    text = stop_text(plan, found["slow", "a"], SCREEN_ROUNDS)
    assert text == "screened out: after 5 rounds of few calls it was certainly slower than the two best"


def test_who_is_out_is_named_once() -> None:
    assert list(screened_texts("lab", [])) == []
    (text,) = screened_texts("lab", [f"c{number}" for number in range(12)])
    assert text.startswith("lab: 12 candidates are certainly slower than the two best, no further rounds: c0; c1;")
    assert text.endswith(" and 2 more")


def test_a_preview_says_that_a_screening_comes_first_and_how_long_all_takes() -> None:
    many = tuple(replace(candidate(f"c{number}"), label=f"c{number}") for number in range(MANY))
    recipes = Recipes(candidates=many, pruned=(), left_out=())
    screened, full = (preview_of(Plan(screen=choice), INSPECTION, recipes) for choice in ("auto", "no"))

    assert "5 short rounds come first" in screened.text
    assert "short rounds" not in full.text
    assert screened.measuring_least_s < full.measuring_least_s / 1.5
    assert screened.measuring_most_s > full.measuring_most_s, "if nobody is screened out"


def test_a_budget_bounds_a_screened_job_as_well() -> None:
    found = time_estimate(Plan(budget_s=60), LATENCY, MANY)
    assert found.least_s == 60
