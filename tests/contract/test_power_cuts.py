"""The power fails at any moment: what the store, the agent's epoch and its outbox have promised is there afterwards."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from mltest.agent.lease.epochs import EpochFile
from mltest.agent.outbox.outbox import DiskOutbox
from mltest.coordinator.store import Store, StoredAttempt, sql
from mltest.shared.domain import SampleBatch, SampleSeries, VisitEvent
from mltest.shared.errors import JobUnknownError
from tests.contract.stored import OK, add_job, end, series, visit_spec
from tests.power.disk import Disk, Operation, Promised, Sync, promised
from tests.power.recorded_files import recorded_files
from tests.power.recorded_sqlite import recorded
from tests.promises.plugin import Count

pytestmark = pytest.mark.promise(28)

VISITS, EVENTS, EVENTS_PER_COMMIT, VALUES = 3, 24, 2, 400
CHECKPOINTS = 8
"""So many times at least SQLite writes its journal back into the file then; each is a dangerous moment."""
QUICK_CUTS, LONG_CUTS, CARELESS_CUTS = 40, 600, 60


@dataclass(frozen=True, slots=True)
class Acked:
    """What the store said is stored."""

    visit_id: str
    seq: int = 0
    """Last event."""
    is_ended: bool = False

    def is_kept(self, attempt: StoredAttempt | None) -> bool:
        """Return whether it is there after the cut."""
        if attempt is None:
            return False
        return attempt.last_seq >= self.seq and (attempt.outcome is not None or not self.is_ended)


def sent(visit: int) -> list[VisitEvent]:
    """Return what an agent sends in one visit."""
    random = Random(visit)
    names = ("native", "other", "third")
    return [
        VisitEvent(seq=seq, event=SampleBatch(series=tuple(_series(random, name, seq) for name in names)))
        for seq in range(1, EVENTS + 1)
    ]


def _series(random: Random, name: str, seq: int) -> SampleSeries:
    return series(*(random.randrange(2**31) for _ in range(VALUES)), candidate_id=name, slice_index=seq)


SENT = {f"visit{visit}": sent(visit) for visit in range(VISITS)}


def do_the_job(store: Store) -> Iterator[Acked]:
    """Do what is not done yet, as after a restart; yield each acknowledgement."""
    try:
        store.jobs.get("job1")
    except JobUnknownError:
        add_job(store)
    store.visits.plan("job1", [("agent1", visit_spec(name, number)) for number, name in enumerate(SENT)])
    attempts = {attempt.visit_id: attempt for attempt in store.visits.attempts("job1")}
    for visit_id, events in SENT.items():
        attempt = attempts.get(visit_id) or store.visits.begin_attempt(visit_id)
        yield Acked(visit_id)
        if attempt.outcome is not None:
            continue
        for first in range(attempt.last_seq, EVENTS, EVENTS_PER_COMMIT):
            store.visits.receive(attempt.attempt_key, events[first : first + EVENTS_PER_COMMIT], job_id="job1")
            yield Acked(visit_id, seq=min(first + EVENTS_PER_COMMIT, EVENTS))
        end(store, attempt, OK)
        yield Acked(visit_id, seq=EVENTS, is_ended=True)


def counted(store: Store) -> list[tuple[int, str, int, tuple[int, ...]]]:
    """Return everything that counts, as it would be analysed."""
    found = store.visits.series("job1")
    return sorted(
        (one.round_index, one.series.candidate_id, one.series.slice_index, one.series.values) for one in found
    )


def everything() -> list[tuple[int, str, int, tuple[int, ...]]]:
    """Return what has to count when the job is done."""
    return sorted(
        (visit, one.candidate_id, one.slice_index, one.values)
        for visit, events in enumerate(SENT.values())
        for event in events
        if isinstance(event.event, SampleBatch)
        for one in event.event.series
    )


def record_a_job(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Operation]:
    """Run the real store, and return what it did to the disk."""
    folder.mkdir()
    with recorded(monkeypatch) as operations:
        store = Store(folder)
        for acked in do_the_job(store):
            operations.append(Promised(acked))
        store.close()
    assert operations.count(Sync("store.sqlite")) >= CHECKPOINTS
    return operations


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Make `folder` look as the disk does."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def lost_by_a_cut(folder: Path, operations: list[Operation], seed: int) -> tuple[list[Acked], int]:
    """Cut the power, start again, finish; return what was lost of how many acknowledgements."""
    random = Random(seed)
    before = operations[: random.randrange(len(operations) + 1)]
    facts = promised(before)
    store = Store(write_files(folder, Disk(before).after_cut(random)))
    assert store.is_intact()
    attempts = {attempt.visit_id: attempt for attempt in store.visits.attempts("job1")}
    lost = [fact for fact in facts if isinstance(fact, Acked) and not fact.is_kept(attempts.get(fact.visit_id))]
    for _ in do_the_job(store):
        pass
    assert lost or counted(store) == everything()
    store.close()
    shutil.rmtree(folder)
    return lost, len(facts)


def lost_by_cuts(monkeypatch: pytest.MonkeyPatch, cuts: int) -> list[tuple[list[Acked], int]]:
    # In memory, where there is some: what is looked at afterwards does not have to wait for a disk.
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        folder = Path(name)
        operations = record_a_job(folder / "recorded", monkeypatch)
        return [lost_by_a_cut(folder / f"cut{seed}", operations, seed) for seed in range(cuts)]


def cut_often(monkeypatch: pytest.MonkeyPatch, count: Count, cuts: int) -> None:
    found = lost_by_cuts(monkeypatch, cuts)
    count("power_cut_count", cuts)
    count("acked_count", sum(acked for _, acked in found))
    count("acked_lost_count", sum(len(lost) for lost, _ in found))
    assert [lost for lost, _ in found if lost] == []


def test_nothing_that_the_store_acknowledged_is_lost_by_a_power_cut(
    monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    cut_often(monkeypatch, count, QUICK_CUTS)


@pytest.mark.long
def test_nothing_that_the_store_acknowledged_is_lost_by_hundreds_of_power_cuts(
    monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    cut_often(monkeypatch, count, LONG_CUTS)


def test_a_store_that_does_not_wait_for_the_disk_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    careless = tuple(pragma.replace("= FULL", "= NORMAL") for pragma in sql.PRAGMAS)
    assert careless != sql.PRAGMAS
    monkeypatch.setattr("mltest.coordinator.store.database.PRAGMAS", careless)
    found = lost_by_cuts(monkeypatch, CARELESS_CUTS)
    assert sum(bool(lost) for lost, _ in found) >= 5


def epochs_after_cuts(folder: Path, monkeypatch: pytest.MonkeyPatch, *, syncs: bool = True) -> list[tuple[int, int]]:
    """Return, for cuts everywhere, the greatest epoch that was given out, and the next one after the cut."""
    (folder / "recorded").mkdir()
    with recorded_files(folder / "recorded", monkeypatch, syncs=syncs) as operations:
        epochs = EpochFile(folder / "recorded" / "epoch")
        for _ in range(8):
            operations.append(Promised(epochs.next()))
    found = []
    for position in range(len(operations) + 1):
        for seed in range(4):
            before = operations[:position]
            files = Disk(before).after_cut(Random(f"{position} {seed}"))
            again = write_files(folder / f"cut{position}-{seed}", files)
            given = max((fact for fact in promised(before) if isinstance(fact, int)), default=0)
            found.append((given, EpochFile(again / "epoch").next()))
    return found


def test_no_epoch_is_given_twice_over_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    found = epochs_after_cuts(tmp_path, monkeypatch)
    count("epoch_power_cut_count", len(found))
    check_epochs(found)


def check_epochs(found: list[tuple[int, int]]) -> None:
    assert [(given, following) for given, following in found if following <= given] == []


def test_an_epoch_that_is_not_synced_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises((ValueError, AssertionError)):
        check_epochs(epochs_after_cuts(tmp_path, monkeypatch, syncs=False))


EVENTS_OF_VISIT = [f"event {seq} ".encode() * 60 * seq for seq in range(1, 9)]


def outbox_after_cuts(folder: Path, monkeypatch: pytest.MonkeyPatch, *, syncs: bool = True) -> list[tuple[int, int]]:
    """Return, for cuts everywhere, how many events were settled and how many are found, each of them unchanged."""
    (folder / "recorded").mkdir()
    with recorded_files(folder / "recorded", monkeypatch, syncs=syncs) as operations:
        journal = DiskOutbox(folder / "recorded").begin(visit_spec())
        for seq, event in enumerate(EVENTS_OF_VISIT, start=1):
            journal.append(seq, event)
            if seq % 2 == 0:
                journal.settle()
                operations.append(Promised(seq))
        journal.close()
    found = []
    for position in range(len(operations) + 1):
        for seed in range(6):
            before = operations[:position]
            files = Disk(before).after_cut(Random(f"{position} {seed}"))
            again = DiskOutbox(write_files(folder / f"cut{position}-{seed}", files)).read("visit1", 1)
            events = list(again.events) if again is not None else []
            assert events == EVENTS_OF_VISIT[: len(events)]
            found.append((max((fact for fact in promised(before) if isinstance(fact, int)), default=0), len(events)))
    return found


def test_what_an_agent_settled_before_a_slice_survives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    found = outbox_after_cuts(tmp_path, monkeypatch)
    count("outbox_power_cut_count", len(found))
    assert [(settled, left) for settled, left in found if left < settled] == []


def test_an_outbox_that_is_not_synced_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outbox_after_cuts(tmp_path, monkeypatch, syncs=False)
    assert [(settled, left) for settled, left in found if left < settled]
