"""What a store has to stand: other processes, and a full disk."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mltest.coordinator.store import Store
from mltest.shared.domain import (
    JobNote,
)
from mltest.shared.errors import DiskFullError
from tests.contract.stored import OK, add_job, begin, end, samples

_WRITER = """
import sys
from pathlib import Path
from mltest.coordinator.store import Store
from mltest.shared.domain import JobNote
store = Store(Path(sys.argv[1]))
for number in range(100):
    store.jobs.append_events("job1", JobNote(text=sys.argv[2]))
store.close()
"""


def test_processes_that_write_at_the_same_time_lose_nothing(store: Store, folder: Path) -> None:
    add_job(store)
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(folder), name]) for name in ("a", "b")]
    for _ in range(100):
        store.jobs.append_events("job1", JobNote(text="here"))
    statuses = [writer.wait(timeout=60) for writer in writers]

    assert statuses == [0, 0]
    events = store.jobs.events("job1", 1)
    assert [event.seq for event in events] == list(range(1, 302))


def test_processes_that_open_a_new_store_at_the_same_time_migrate_it_once(folder: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from mltest.coordinator.store import Store; Store(Path(sys.argv[1]))"
    )
    openers = [subprocess.Popen([sys.executable, "-c", script, str(folder)]) for _ in range(3)]

    assert [opener.wait(timeout=60) for opener in openers] == [0, 0, 0]


def test_rows_are_durable_when_a_call_returns(folder: Path) -> None:
    store = Store(folder)
    add_job(store)
    connection = store.jobs._database._connection

    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip(
            "needs a small file system: run as root (sudo .venv/bin/pytest tests/contract/test_store_faults.py)"
        )
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip(
            "needs to mount a tmpfs, so no container: sudo .venv/bin/pytest tests/contract/test_store_faults.py"
        )
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.promise(35)
def test_a_full_disk_is_an_error_that_loses_nothing_and_passes(small_disk: Path) -> None:
    store = Store(small_disk)
    attempt = begin(store)
    values = tuple(range(20_000))
    acknowledged = 0
    with pytest.raises(DiskFullError):
        for seq in range(1, 1000):
            store.visits.receive(attempt.attempt_key, [samples(seq, *values)], job_id="job1")
            acknowledged = seq

    assert acknowledged > 0
    assert store.is_intact()
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    store.visits.receive(attempt.attempt_key, [samples(acknowledged + 1, *values)], job_id="job1")
    end(store, attempt, OK)
    assert sum(1 for _ in store.visits.series("job1")) == acknowledged + 1
    store.close()


def test_a_reader_from_outside_can_open_the_file(store: Store, folder: Path) -> None:
    add_job(store)
    with sqlite3.connect(f"file:{folder / 'store.sqlite'}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT job_id FROM job").fetchall() == [("job1",)]
    connection.close()
