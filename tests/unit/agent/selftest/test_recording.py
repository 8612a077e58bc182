"""Recorded rounds in a file."""

from pathlib import Path

import pytest

from mltest.agent.selftest.recording import Recording, read_records, windows_of
from mltest.shared.errors import DataInvalidError
from tests.unit.agent.selftest.recorded import SLICES, WITH_SLOWED, record, records


def written(path: Path) -> Recording:
    recording = Recording(path)
    for one in records(2, 3, WITH_SLOWED, spread=0.1):
        recording.add(one)
    recording.close()
    return recording


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    recording = written(tmp_path / "below" / "rounds.jsonl")
    assert list(read_records(tmp_path / "below" / "rounds.jsonl")) == recording.records


def test_a_recording_goes_on_behind_the_rounds_that_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "rounds.jsonl"
    kept, dropped, new = (record(window, 0, WITH_SLOWED, spread=0.1) for window in range(3))
    for one in (kept, dropped):
        first = Recording(path, [kept] if one is dropped else [])
        first.add(one)
        first.close()
    assert list(read_records(path)) == [kept, dropped]
    second = Recording(path, [kept])
    assert list(read_records(path)) == [kept, dropped]
    second.add(new)
    second.close()
    assert list(read_records(path)) == second.records == [kept, new]


def test_a_file_that_was_cut_gives_the_whole_rounds_in_it(tmp_path: Path) -> None:
    recording, path = written(tmp_path / "rounds.jsonl"), tmp_path / "rounds.jsonl"
    path.write_text(path.read_text()[:-20])
    assert list(read_records(path)) == recording.records[:-1]


@pytest.mark.parametrize("content", ["{}\n", "not json\n", "[1]\n"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other"
    path.write_text(content)
    with pytest.raises(DataInvalidError, match="line 1"):
        list(read_records(path))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataInvalidError, match="cannot be read"):
        list(read_records(tmp_path / "nothing"))


def test_windows_hold_their_own_rounds_and_slices_keep_their_places() -> None:
    first = record(0, 0, {"a1": 1.0, "a2": 1.0}, spread=0.1)
    times = dict(first.times_ns)
    times["a1"] = [None, *list(times["a1"])[1:]]
    dropped = record(0, 1, {"a1": 1.0, "a2": 1.0}, spread=0.1)
    windows = windows_of(
        [first, type(first)(**{**{name: getattr(dropped, name) for name in dropped.__slots__}, "times_ns": times})],
        "comparison",
    )
    (window,) = windows
    assert window.round_count == 2
    assert set(window.times["a1"][1]) == set(range(1, SLICES))
    assert set(window.times["a2"][1]) == set(range(SLICES))
    assert windows_of([first], "field") == []
