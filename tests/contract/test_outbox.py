"""What the agent's outbox promises, on real files: also when they are cut anywhere."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mltest.agent.outbox.journal import SEGMENT_BYTES
from mltest.agent.outbox.outbox import DiskOutbox, StoredJournal, read_journal
from mltest.agent.outbox.step import Step
from mltest.shared.domain import Limits, Output, Task, VisitCandidate, VisitSpec
from mltest.shared.errors import DiskFullError

EVENTS = (b"started", b"", b"samples" * 20, b"ended")
DAY_S = 24 * 3600.0


def spec(visit_id: str = "v", attempt: int = 1) -> VisitSpec:
    candidate = VisitCandidate(
        candidate_id="a",
        runtime="onnxruntime",
        format="onnx",
        artifact_sha256="",
        task=Task.REGRESSION,
        output=Output.VALUES,
        feature_count=1,
        input_dtype="float32",
    )
    return VisitSpec(
        visit_id=visit_id,
        attempt=attempt,
        job_id="j",
        round_index=0,
        seed=0,
        dataset_sha256="",
        candidates=(candidate,),
        limits=Limits(load_timeout_ns=1, step_timeout_ns=1, visit_timeout_ns=1, memory_bytes=0),
    )


def written(outbox: DiskOutbox, *events: bytes, visit_id: str = "v", attempt: int = 1) -> None:
    journal = outbox.begin(spec(visit_id, attempt))
    for seq, event in enumerate(events, start=1):
        journal.append(seq, event)
    journal.close()


def read(folder: Path, visit_id: str = "v", attempt: int = 1) -> StoredJournal | None:
    """Return what the next life of the agent finds."""
    return DiskOutbox(folder).read(visit_id, attempt)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.name.isdigit())


def test_what_was_appended_is_found_by_the_next_life_of_the_agent(tmp_path: Path) -> None:
    written(DiskOutbox(tmp_path), *EVENTS)
    found = read(tmp_path)
    assert found == StoredJournal(candidate_ids=("a",), first_seq=1, events=EVENTS, step=None)
    assert read(tmp_path, attempt=2) is None
    assert read(tmp_path, "w") is None


def test_what_was_appended_survives_a_process_that_closes_nothing(tmp_path: Path) -> None:
    script = (
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from pathlib import Path; from tests.contract.test_outbox import *\n"
        f"journal = DiskOutbox(Path({str(tmp_path)!r})).begin(spec())\n"
        "journal.append(1, b'one'); journal.step('a', is_measuring=True); journal.append(2, b'two')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -9
    found = read(tmp_path)
    assert found is not None
    assert found.events == (b"one", b"two")
    assert found.step == Step(candidate_id="a", is_measuring=True, is_same_boot=True)


@pytest.mark.promise(28)
def test_a_journal_that_is_cut_at_any_byte_gives_the_events_before(tmp_path: Path) -> None:
    written(DiskOutbox(tmp_path), *EVENTS)
    (path,) = files_of(tmp_path)
    whole = path.read_bytes()
    counts = []
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        found = read_journal(path.parent, "v", 1)
        counts.append(-1 if found is None else len(found.events))
        assert found is None or found.events == EVENTS[: len(found.events)]
    assert counts == sorted(counts)
    assert set(counts) == {-1, 0, 1, 2, 3, 4}


def test_a_byte_that_changed_hides_what_is_behind_it_and_nothing_else(tmp_path: Path) -> None:
    written(DiskOutbox(tmp_path), *EVENTS)
    (path,) = files_of(tmp_path)
    whole = path.read_bytes()
    for offset in range(len(whole)):
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 0x40]) + whole[offset + 1 :])
        found = read_journal(path.parent, "v", 1)
        assert found is None or (found.events == EVENTS[: len(found.events)] and len(found.events) < len(EVENTS))


def test_a_journal_of_another_attempt_is_not_taken_for_this_one(tmp_path: Path) -> None:
    written(DiskOutbox(tmp_path), *EVENTS)
    (path,) = files_of(tmp_path)
    assert read_journal(path.parent, "v", 2) is None


def test_acknowledged_events_leave_the_disk_segment_by_segment(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path)
    journal = outbox.begin(spec())
    large = bytes(SEGMENT_BYTES // 2)
    for seq in range(1, 8):
        journal.append(seq, large)
    before = files_of(tmp_path)
    journal.acknowledge(4)
    assert files_of(tmp_path) == before, "nothing is removed while something may be timed"
    journal.settle()
    journal.close()
    found = read(tmp_path)
    assert found is not None
    assert len(files_of(tmp_path)) < len(before)
    assert 1 < found.first_seq <= 5
    assert found.first_seq + len(found.events) == 8


def test_a_missing_segment_hides_what_is_behind_it(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path)
    written(outbox, *(bytes(SEGMENT_BYTES),) * 3)
    files_of(tmp_path)[1].unlink()
    found = read(tmp_path)
    assert found is not None
    assert (found.first_seq, len(found.events)) == (1, 1)


def test_a_dropped_journal_is_gone_for_good(tmp_path: Path) -> None:
    outbox = DiskOutbox(tmp_path)
    written(outbox, *EVENTS)
    outbox.drop("v", 1)
    outbox.drop("v", 1)
    assert not outbox.knows("v", 1)
    assert read(tmp_path) is None
    assert files_of(tmp_path) == []


def test_the_oldest_journals_make_room_but_never_the_one_that_is_written(tmp_path: Path) -> None:
    now_s = 0.0
    outbox = DiskOutbox(tmp_path, capacity_bytes=3000, clock=lambda: now_s)
    for number in range(3):
        now_s += 1
        written(outbox, bytes(1000), visit_id=f"v{number}")
    journal = outbox.begin(spec("last"))
    journal.append(1, bytes(2900))
    journal.append(2, bytes(900))
    journal.close()
    assert [outbox.knows(f"v{number}", 1) for number in range(3)] == [False] * 3
    assert outbox.knows("last", 1)
    assert sum(path.stat().st_size for path in files_of(tmp_path)) < 5000


def test_a_journal_is_kept_for_seven_days_of_service_over_restarts(tmp_path: Path) -> None:
    now_s = 1000.0

    def clock() -> float:
        return now_s

    written(DiskOutbox(tmp_path, clock=clock), *EVENTS)
    for _ in range(7):
        outbox = DiskOutbox(tmp_path, clock=clock)
        assert outbox.knows("v", 1)
        now_s += DAY_S
        outbox.tidy()
        now_s = 1000.0
    outbox = DiskOutbox(tmp_path, clock=clock)
    now_s += 60.0
    outbox.tidy()
    assert not outbox.knows("v", 1)


@pytest.mark.parametrize("change_s", [366 * DAY_S, -366 * DAY_S])
@pytest.mark.promise(40)
def test_a_date_that_jumps_by_a_year_makes_nothing_old(tmp_path: Path, change_s: float) -> None:
    written(DiskOutbox(tmp_path), *EVENTS)
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.utime(path, (path.stat().st_mtime - change_s,) * 2)
    outbox = DiskOutbox(tmp_path)
    outbox.tidy()
    assert outbox.knows("v", 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    command = "sudo .venv/bin/pytest tests/contract/test_outbox.py"
    if os.geteuid() != 0:
        pytest.skip(f"needs a small file system: run as root ({command})")
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip(f"needs to mount a tmpfs, so no container: {command}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def filled(folder: Path) -> Callable[[], None]:
    """Take all room below `folder`; return what gives it back."""
    filler = folder / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    return filler.unlink


@pytest.mark.promise(34)
def test_a_full_disk_is_said_once_and_what_was_there_stays(small_disk: Path) -> None:
    outbox = DiskOutbox(small_disk / "outbox")
    journal = outbox.begin(spec())
    journal.append(1, b"one")
    heal = filled(small_disk)
    with pytest.raises(DiskFullError):
        journal.append(2, bytes(20_000))
    journal.append(3, b"is kept in memory only")
    journal.close()
    found = read(small_disk / "outbox")
    assert found is not None
    assert found.events == (b"one",)
    with pytest.raises(DiskFullError):
        outbox.begin(spec("w"))
    assert not outbox.knows("w", 1)
    heal()
    written(outbox, *EVENTS, visit_id="w")
    assert outbox.knows("w", 1)
