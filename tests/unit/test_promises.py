"""The table of promises and the tests that prove it stay in step; what a run says of it is right."""

import textwrap
from pathlib import Path

import pytest

from tests.promises.markers import Proof, columns, proofs_in
from tests.promises.plugin import rows_of
from tests.promises.table import NO_TEST, PAGE, needs, promises, rewritten
from tests.promises.verdicts import FAIL, NOT_PROVABLE, NOT_RUN, PASS, Tally, flat, verdict
from tests.promises.verdicts import NO_TEST as UNTESTED

ROWS = promises(PAGE.read_text())


def test_the_table_has_fifty_rows() -> None:
    assert sorted(ROWS) == list(range(1, 51))
    assert all(promise.fault and promise.promise for promise in ROWS.values())


def test_the_page_names_the_tests_that_are_marked() -> None:
    page = PAGE.read_text()
    assert page == rewritten(page, columns(ROWS, proofs_in())), "make promises brings the page up to date"


def test_every_marker_names_a_row_of_the_table() -> None:
    assert {proof.row for proof in proofs_in()} <= set(ROWS)


def test_every_need_belongs_to_a_row_of_the_table() -> None:
    assert set(needs(PAGE.read_text())) <= set(ROWS)


def test_markers_are_found_on_functions_classes_and_whole_files(tmp_path: Path) -> None:
    source = """
        import pytest
        pytestmark = [pytest.mark.promise(1)]

        @pytest.mark.promise(2, 3)
        def test_quick(): ...

        @pytest.mark.long
        @pytest.mark.promise(2)
        def test_slow(): ...

        @pytest.mark.promise(4)
        class TestGroup:
            @pytest.mark.long
            def test_slow(self): ...
    """
    (tmp_path / "test_it.py").write_text(textwrap.dedent(source))
    found = [(proof.row, proof.is_long) for proof in proofs_in(tmp_path)]
    assert found == [(1, False), (2, False), (2, True), (3, False), (4, False)]


def test_a_column_says_which_form_a_file_has() -> None:
    proofs = (Proof("a.py", 1, False), Proof("a.py", 1, True), Proof("b.py", 1, True))
    assert columns({1: None, 2: None}, proofs) == {1: "`a.py` (quick, long), `b.py` (long)", 2: NO_TEST}


@pytest.mark.parametrize(
    ("tally", "need", "has_test", "state"),
    [
        (Tally(passed=2), "", True, PASS),
        (Tally(passed=2, skipped=["needs root"]), "", True, PASS),
        (Tally(passed=2, failed=["test_a"]), "", True, FAIL),
        (Tally(skipped=["needs root"]), "", True, NOT_PROVABLE),
        (Tally(), "a quiet machine", False, NOT_PROVABLE),
        (Tally(), "", True, NOT_RUN),
        (Tally(), "an hour", True, NOT_RUN),
        (Tally(), "", False, UNTESTED),
    ],
)
def test_a_row_passes_only_if_a_test_ran_and_none_failed(tally: Tally, need: str, has_test: bool, state: str) -> None:
    assert verdict(ROWS[1], tally, need=need, has_test=has_test).state == state


def test_figures_are_flat_and_what_was_not_tried_is_absent() -> None:
    verdicts = [
        verdict(ROWS[1], Tally(passed=1), need="", has_test=True),
        verdict(ROWS[2], Tally(failed=["test_a"]), need="", has_test=True),
        verdict(ROWS[3], Tally(), need="", has_test=False),
    ]
    figures = flat(verdicts, {"jobs_count": 4.0, "jobs_exact_count": 3.0})
    assert (figures["row_01"], figures["row_02"]) == (1.0, 0.0)
    assert "row_03" not in figures
    assert (figures["rows_no_test_count"], figures["jobs_exact_ratio"]) == (1.0, 0.75)


def test_rows_are_named_one_by_one_or_from_to() -> None:
    assert rows_of("26-28,40") == {26, 27, 28, 40}
    assert rows_of("") == frozenset()
