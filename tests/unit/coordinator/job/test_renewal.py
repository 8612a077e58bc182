"""What becomes of results when a test is made anew."""

from mltest.coordinator.job.renewal import Renewal, unfinished_tests
from mltest.coordinator.tests.broken import broken_result
from mltest.shared.domain import Result


def result(test: str, metric: str, value: float | None = None, reason: str = "") -> Result:
    return Result(candidate_id="", agent_id="", test=test, metric=metric, value=value, reason=reason)


BEFORE = (result("noise", "noise_accuracy", 0.5), result("trees", "tree_count", 3))
BROKEN = broken_result("noise", RuntimeError("no"))


def test_new_results_stand_in_place_of_those_of_the_same_test() -> None:
    renewal = Renewal(is_asked=True, names=frozenset({"noise"}))
    new = [result("noise", "noise_accuracy", 0.6), result("noise", "noise_agreement", 1.0)]
    assert renewal.merged(BEFORE, new) == (BEFORE[1], *new)
    assert (renewal.made, renewal.kept) == ({"noise"}, {})


def test_a_test_that_only_breaks_now_takes_nothing_away() -> None:
    renewal = Renewal(is_asked=True, names=frozenset({"noise"}))
    assert renewal.merged(BEFORE, [BROKEN]) == BEFORE
    assert renewal.made == set()
    assert renewal.kept == {"noise": "the test broke (RuntimeError: no)"}


def test_a_test_that_broke_before_says_how_it_breaks_now() -> None:
    renewal = Renewal(is_asked=True, names=frozenset({"noise"}))
    now = broken_result("noise", RuntimeError("still no"))
    assert renewal.merged([BROKEN], [now]) == (now,)
    assert renewal.merged([BROKEN], [BEFORE[0]]) == (BEFORE[0],)


def test_without_a_wish_what_has_results_is_done() -> None:
    assert Renewal().done(BEFORE) == {"noise", "trees"}
    assert Renewal(is_asked=True, names=frozenset({"trees"})).done(BEFORE) == {"noise"}


def test_what_broke_or_ran_out_of_time_is_unfinished() -> None:
    results = [
        BROKEN,
        result("label attack", "not_finished_count", 2),
        result("tree radius", "not_finished_count", 0),
        result("permutation importance", "importance", None, "3 of 4 columns were not reached (budget_s sets it)"),
        result("poisoning", "x", None, "nothing was reached in time"),
        result("trees", "tree_count", None, "it has no trees"),
    ]
    assert unfinished_tests(results) == {"noise", "label attack", "permutation importance", "poisoning"}
