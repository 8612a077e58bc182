"""Back-ups of a coordinator: what comes back is what was there, or nothing changes."""

import io
import os
import sqlite3
import stat
import tarfile
import threading
from pathlib import Path

import pytest

from mltest.coordinator.backup import restore_backup, write_backup
from mltest.coordinator.engine import Coordinator
from mltest.shared.blobs.store import BlobStore
from mltest.shared.errors import BackupInvalidError, RequestInvalidError

CONTENT = b"bytes of a model"


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """A coordinator with some jobs, a blob, a key, and things that belong to its process."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    coordinator = await Coordinator.open(folder, runs_jobs=False)
    await coordinator.close()
    _add_jobs(folder, "first", "second")
    (tmp_path / "model").write_bytes(CONTENT)
    BlobStore(folder / "blobs", 10**6).add_file(tmp_path / "model")
    (folder / "trust/peers").mkdir(parents=True, exist_ok=True)
    (folder / "trust/identity.pem").write_text("a key")
    (folder / "trust/peers/agent.json").write_text("{}")
    (folder / "blobs/parts" / ("a" * 64)).write_text("half of an upload")
    (folder / "work").mkdir(exist_ok=True)
    (folder / "work/left").write_text("of a process")
    return folder


def _add_jobs(folder: Path, *names: str) -> None:
    with sqlite3.connect(folder / "store.sqlite") as connection:
        connection.executemany(
            "INSERT INTO job (job_id, state, created_unix_ns, spec_json) VALUES (?, 'done', 1, '{}')",
            [(name,) for name in names],
        )
    connection.close()


def jobs_in(folder: Path) -> list[str]:
    connection = sqlite3.connect(folder / "store.sqlite")
    found = [row[0] for row in connection.execute("SELECT job_id FROM job ORDER BY job_id")]
    connection.close()
    return found


def files_in(folder: Path) -> dict[str, bytes]:
    left_out = ("store.sqlite", "lock", "work", "blobs/parts")
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    return {name: content for name, content in named.items() if not name.startswith(left_out)}


async def test_what_comes_back_is_what_was_there(state: Path, tmp_path: Path) -> None:
    written = write_backup(state, tmp_path / "backup.tar")
    restored = restore_backup(tmp_path / "backup.tar", tmp_path / "elsewhere")

    assert jobs_in(tmp_path / "elsewhere") == ["first", "second"]
    assert files_in(tmp_path / "elsewhere") == files_in(state)
    assert CONTENT in files_in(state).values()
    assert (written.job_count, written.file_count) == (restored.job_count, restored.file_count)
    assert written.job_count == 2
    coordinator = await Coordinator.open(tmp_path / "elsewhere", runs_jobs=False)
    await coordinator.close()


def test_what_belongs_to_a_process_stays_where_it_is(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", tmp_path / "elsewhere")

    assert {entry.name for entry in (tmp_path / "elsewhere").iterdir()} == {"store.sqlite", "blobs", "trust", "lock"}
    assert not (tmp_path / "elsewhere/blobs/parts").exists()


def test_only_its_owner_may_read_a_backup_and_what_comes_back(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "backup.tar")
    restore_backup(tmp_path / "backup.tar", tmp_path / "elsewhere")

    assert stat.S_IMODE((tmp_path / "backup.tar").stat().st_mode) == 0o600
    for path in (tmp_path / "elsewhere").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077 or path.name == "lock", path


def test_a_store_that_is_written_to_is_saved_as_of_one_moment(state: Path, tmp_path: Path) -> None:
    """Each transaction adds two jobs; no back-up holds one of them alone."""
    ending = threading.Event()

    def write() -> None:
        for number in range(100_000):
            if ending.is_set():
                return
            _add_jobs(state, f"a{number}", f"b{number}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(10):
            write_backup(state, tmp_path / f"{number}.tar")
    finally:
        ending.set()
        writer.join()

    counts = []
    for number in range(10):
        restore_backup(tmp_path / f"{number}.tar", tmp_path / str(number))
        jobs = set(jobs_in(tmp_path / str(number))) - {"first", "second"}
        assert {job[1:] for job in jobs if job[0] == "a"} == {job[1:] for job in jobs if job[0] == "b"}
        counts.append(len(jobs))
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_a_backup_never_replaces_anything(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "backup.tar")

    with pytest.raises(RequestInvalidError, match="exists"):
        write_backup(state, tmp_path / "backup.tar")
    with pytest.raises(RequestInvalidError, match="holds a coordinator already"):
        restore_backup(tmp_path / "backup.tar", state)


def test_a_folder_without_a_coordinator_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalidError, match="there is no coordinator"):
        write_backup(tmp_path, tmp_path / "backup.tar")


def test_a_place_that_cannot_be_written_is_named(state: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestInvalidError, match="nowhere"):
        write_backup(state, tmp_path / "nowhere" / "backup.tar")


@pytest.mark.parametrize("cut", [0, 100, 5000, -1500])
def test_a_backup_that_was_cut_changes_nothing(state: Path, tmp_path: Path, cut: int) -> None:
    write_backup(state, tmp_path / "backup.tar")
    content = (tmp_path / "backup.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(content[:cut] if cut >= 0 else content[: len(content) // 2])

    with pytest.raises(BackupInvalidError):
        restore_backup(tmp_path / "cut.tar", tmp_path / "elsewhere")

    assert {entry.name for entry in (tmp_path / "elsewhere").iterdir()} <= {"lock"}


def test_a_changed_blob_is_noticed(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "backup.tar")
    content = (tmp_path / "backup.tar").read_bytes()
    (tmp_path / "bad.tar").write_bytes(content.replace(CONTENT, CONTENT.upper()))

    with pytest.raises(BackupInvalidError, match="are not those that were saved"):
        restore_backup(tmp_path / "bad.tar", tmp_path / "elsewhere")

    assert {entry.name for entry in (tmp_path / "elsewhere").iterdir()} == {"lock"}


def _archive(path: Path, member: tarfile.TarInfo, content: bytes = b"") -> Path:
    member.size = len(content)
    with tarfile.open(path, "w") as archive:
        archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "name", ["/etc/cron.d/evil", "../evil", "trust/../../evil", "a/b/c/d/e/f", ".ssh/key", "bl\0b", "x" * 200]
)
def test_a_member_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    archive = _archive(tmp_path / "evil.tar", tarfile.TarInfo(name), b"evil")

    with pytest.raises(BackupInvalidError):
        restore_backup(archive, tmp_path / "state")

    assert {entry.name for entry in tmp_path.iterdir()} == {"evil.tar", "state"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE])
def test_only_files_are_restored(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("store.sqlite")
    member.type, member.linkname = kind, "/etc/passwd"
    archive = _archive(tmp_path / "evil.tar", member)

    with pytest.raises(BackupInvalidError):
        restore_backup(archive, tmp_path / "state")


def test_a_store_that_is_none_is_refused(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "evil.tar", tarfile.TarInfo("store.sqlite"), b"not a database" * 100)

    with pytest.raises(BackupInvalidError, match="its store cannot be read"):
        restore_backup(archive, tmp_path / "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to restore for another user: sudo make test")
def test_root_restores_for_the_owner_of_the_folder(state: Path, tmp_path: Path) -> None:
    write_backup(state, tmp_path / "backup.tar")
    (tmp_path / "service").mkdir()
    os.chown(tmp_path / "service", 12345, 12346)

    restore_backup(tmp_path / "backup.tar", tmp_path / "service")

    for path in (tmp_path / "service").rglob("*"):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
