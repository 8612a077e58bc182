"""Words for what is different between two conclusions."""

from dataclasses import replace

from mltest.coordinator.analysis.recomputation import differences
from mltest.shared.domain import Result, Standing, StandingRow, Standings
from tests.unit.coordinator.evidence import candidate

RESULT = Result(candidate_id="c", agent_id="a", test="Latency", metric="latency_s", statistic="median", batch_size=1)
MEASURED = replace(RESULT, value=2e-5, low=1e-5, high=3e-5, count=7)
ROW = StandingRow(candidate_id="c", label="label of c", agent_id="a", standing=Standing.RANKED, rank=1)
TABLE = Standings(rows=(ROW,), ordered_by="latency", notes=("old",))
Conclusion = tuple[list[Result], Standings]


def said(before: Conclusion, after: Conclusion) -> list[str]:
    return list(differences(before, after, candidates=[candidate("c")], agent_names={"a": "lab"}))


def test_equal_conclusions_have_no_differences() -> None:
    assert said(([MEASURED], TABLE), ([MEASURED], TABLE)) == []


def test_a_changed_value_is_named_with_both_values_and_the_change() -> None:
    (line,) = said(([MEASURED], TABLE), ([replace(MEASURED, value=2.5e-5)], TABLE))

    assert line.startswith("label of c on lab: ")
    assert line.endswith("(Latency) value was 2e-05 and is 2.5e-05 (+25.00%)")


def test_results_that_are_new_or_gone_and_values_that_became_absent_are_named() -> None:
    (gone,) = said(([MEASURED], TABLE), ([], TABLE))
    (new,) = said(([], TABLE), ([MEASURED], TABLE))
    absent = said(([MEASURED], TABLE), ([replace(MEASURED, value=None, reason="why")], TABLE))

    assert gone.endswith("is not there any more")
    assert new.endswith("is new")
    assert [line.rpartition(") ")[2] for line in absent] == [
        "value was 2e-05 and is absent",
        "reason was absent and is why",
    ]


def test_rows_notes_and_order_are_compared() -> None:
    gated = replace(ROW, standing=Standing.GATED, rank=None)
    after = Standings(rows=(gated,), ordered_by="size", notes=("new",))

    assert said(([], TABLE), ([], after)) == [
        "label of c on lab: row standing was ranked and is gated",
        "label of c on lab: row rank was 1 and is absent",
        "the table was ordered by latency and is by size",
        "note is not there any more: old",
        "new note: new",
    ]
    assert len(said(([], TABLE), ([], replace(TABLE, rows=(replace(ROW, remarks=("x",)),))))) == 1


def test_another_order_alone_is_a_difference() -> None:
    other = replace(MEASURED, batch_size=128)
    turned = replace(TABLE, notes=("new", "old"))

    assert said(([MEASURED, other], TABLE), ([other, MEASURED], TABLE)) == ["results or notes stand in another order"]
    assert len(said(([], replace(TABLE, notes=("old", "new"))), ([], turned))) == 1
