"""Runs of many days, replayed from recorded rounds."""

from mltest.agent.selftest.recording import windows_of
from mltest.agent.selftest.regress import histories, regression_findings
from tests.unit.agent.selftest.recorded import WITH_SLOWED, records


def test_runs_are_made_of_the_rounds_of_all_windows_of_a_model() -> None:
    windows = windows_of(records(4, 10, WITH_SLOWED, spread=0.01), "comparison")
    (history,) = histories(windows, 5)
    assert [len(points) for points in history.unchanged] == [8] * 6
    points, step = history.stepped()[0]
    assert step == 5
    assert all(abs(point - 1) < 0.04 for point in points[:step])
    assert all(abs(point - 1.1) < 0.04 for point in points[step:])


def test_a_real_step_is_found_and_nothing_else() -> None:
    found, false = regression_findings(records(6, 10, WITH_SLOWED, spread=0.01))
    assert found.value == 1
    assert found.of_count == 6 * 6
    assert (false.value, false.count) == (0, 0)


def test_alarms_without_a_step_are_counted() -> None:
    jumpy = [
        record
        for window in range(6)
        for record in records(window + 1, 10, {**WITH_SLOWED, "a2": 1.5 if window >= 3 else 1.0}, spread=0.01)
        if record.window == window
    ]
    _, false = regression_findings(jumpy)
    assert false.count == 1
    assert not false.is_met


def test_too_few_rounds_give_no_figure() -> None:
    found, false = regression_findings(records(1, 3, WITH_SLOWED, spread=0.01))
    assert found.value is None
    assert false.value is None
