"""What a blob store promises to whoever puts bytes into it, with real files."""

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from mltest.shared.blobs.store import BlobStatus, BlobStore
from mltest.shared.blobs.writer import CHUNK_BYTES, BlobWriter
from mltest.shared.errors import (
    BlobBusyError,
    BlobCorruptError,
    BlobOffsetError,
    BlobUnknownError,
    DiskFullError,
    MltestError,
    RequestInvalidError,
    ResourceLimitError,
)

CAPACITY_BYTES = 1000


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(store: BlobStore, content: bytes) -> str:
    sha256 = sha256_of(content)
    with store.writer(sha256, len(content), 0) as writer:
        writer.append(content)
        writer.commit()
    return sha256


def age(path: Path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs", CAPACITY_BYTES)


def test_committed_bytes_are_found_by_their_hash(store: BlobStore) -> None:
    sha256 = put(store, b"content")

    assert store.path(sha256).read_bytes() == b"content"
    assert store.status(sha256) == BlobStatus(is_complete=True, stored_bytes=7)


def test_an_empty_blob_is_a_blob(store: BlobStore) -> None:
    assert store.path(put(store, b"")).read_bytes() == b""


def test_a_blob_is_invisible_until_it_is_committed(store: BlobStore) -> None:
    sha256 = sha256_of(b"content")
    with store.writer(sha256, 7, 0) as writer:
        writer.append(b"content")

        with pytest.raises(BlobUnknownError):
            store.path(sha256)


def test_an_upload_goes_on_where_it_stopped_even_after_a_restart(store: BlobStore, tmp_path: Path) -> None:
    sha256 = sha256_of(b"content")
    with store.writer(sha256, 7, 0) as writer:
        writer.append(b"cont")

    reopened = BlobStore(tmp_path / "blobs", CAPACITY_BYTES)
    assert reopened.status(sha256) == BlobStatus(is_complete=False, stored_bytes=4)
    with reopened.writer(sha256, 7, 4) as writer:
        writer.append(b"ent")
        assert writer.has_all
        writer.commit()

    assert reopened.path(sha256).read_bytes() == b"content"


def test_an_upload_that_goes_on_elsewhere_is_told_where(store: BlobStore) -> None:
    sha256 = sha256_of(b"content")
    with store.writer(sha256, 7, 0) as writer:
        writer.append(b"cont")

    with pytest.raises(BlobOffsetError, match="goes on at byte 4, not 2"):
        store.writer(sha256, 7, 2)


def test_bytes_that_are_not_the_announced_ones_are_dropped(store: BlobStore) -> None:
    sha256 = sha256_of(b"content")
    with store.writer(sha256, 7, 0) as writer:
        writer.append(b"CONTENT")
        with pytest.raises(BlobCorruptError):
            writer.commit()

    assert store.status(sha256) == BlobStatus(is_complete=False, stored_bytes=0)


def test_more_bytes_than_announced_are_refused(store: BlobStore) -> None:
    with store.writer(sha256_of(b"content"), 7, 0) as writer, pytest.raises(RequestInvalidError):
        writer.append(b"content and more")


def test_a_part_longer_than_the_new_announcement_is_dropped(store: BlobStore) -> None:
    sha256 = sha256_of(b"con")
    with store.writer(sha256, 7, 0) as writer:
        writer.append(b"content")

    with store.writer(sha256, 3, 0) as writer:
        writer.append(b"con")
        writer.commit()

    assert store.path(sha256).read_bytes() == b"con"


def test_a_second_writer_of_the_same_blob_is_refused_until_the_first_is_left(store: BlobStore) -> None:
    sha256 = sha256_of(b"content")
    with store.writer(sha256, 7, 0), pytest.raises(BlobBusyError):
        store.writer(sha256, 7, 0)

    store.writer(sha256, 7, 0).__exit__(None, None, None)


def test_a_writer_that_was_left_appends_nothing_more(store: BlobStore) -> None:
    sha256 = sha256_of(b"content")
    with store.writer(sha256, 7, 0) as writer:
        pass

    writer.append(b"content")

    assert store.status(sha256).stored_bytes == 0


@pytest.mark.parametrize("sha256", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "parts"])
def test_what_is_not_a_hash_is_refused(store: BlobStore, sha256: str) -> None:
    for ask in (store.status, store.path, lambda name: store.writer(name, 1, 0)):
        with pytest.raises(RequestInvalidError):
            ask(sha256)


def test_the_blob_used_longest_ago_makes_room(store: BlobStore) -> None:
    old, older = put(store, b"a" * 400), put(store, b"b" * 400)
    age(store.path(old), 10)
    age(store.path(older), 20)

    new = put(store, b"c" * 400)

    assert store.status(old).is_complete
    assert store.status(new).is_complete
    assert not store.status(older).is_complete


def test_using_a_blob_keeps_it(store: BlobStore) -> None:
    first, second = put(store, b"a" * 400), put(store, b"b" * 400)
    age(store.path(first), 20)
    age(store.path(second), 10)

    store.path(first)
    put(store, b"c" * 400)

    assert store.status(first).is_complete
    assert not store.status(second).is_complete


def test_a_pinned_blob_never_makes_room(store: BlobStore) -> None:
    pinned = put(store, b"a" * 600)
    with store.pinned([pinned]), store.pinned([pinned]):
        pass
    with store.pinned([pinned]), pytest.raises(DiskFullError):
        put(store, b"b" * 600)

    put(store, b"b" * 600)
    assert not store.status(pinned).is_complete


def test_an_upload_in_progress_never_makes_room(store: BlobStore) -> None:
    with store.writer(sha256_of(b"a" * 600), 600, 0) as writer:
        writer.append(b"a" * 10)
        with pytest.raises(DiskFullError):
            store.writer(sha256_of(b"b" * 600), 600, 0)


def test_an_upload_that_stands_still_makes_room(store: BlobStore) -> None:
    with store.writer(sha256_of(b"a" * 600), 600, 0) as writer:
        writer.append(b"a" * 500)

    put(store, b"b" * 600)

    assert store.status(sha256_of(b"a" * 600)).stored_bytes == 0


def test_a_blob_larger_than_the_store_is_refused_and_displaces_nothing(store: BlobStore) -> None:
    kept = put(store, b"a")

    with pytest.raises(ResourceLimitError, match="it has 1001 bytes"):
        store.writer(sha256_of(b"b"), CAPACITY_BYTES + 1, 0)

    assert store.status(kept).is_complete


def test_more_than_the_disk_has_is_refused_before_the_first_byte(tmp_path: Path) -> None:
    more_than_any_disk_bytes = 2**60
    store = BlobStore(tmp_path / "blobs", 2 * more_than_any_disk_bytes)

    with pytest.raises(DiskFullError):
        store.writer(sha256_of(b"a"), more_than_any_disk_bytes, 0)

    store.writer(sha256_of(b"a"), 1, 0).__exit__(None, None, None)


def test_a_disk_that_fills_up_meanwhile_is_reported_and_the_part_stays(store: BlobStore, tmp_path: Path) -> None:
    sha256 = sha256_of(b"content")
    with store.writer(sha256, 7, 0) as writer:
        writer.append(b"cont")
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, _descriptor(writer))
        os.close(full)
        with pytest.raises(DiskFullError):
            writer.append(b"ent")

    assert store.status(sha256).stored_bytes == 4


def test_a_file_is_added_once_whatever_its_name(store: BlobStore, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"same")
    second.write_bytes(b"same")

    assert store.add_file(first) == store.add_file(second)
    assert store.path(sha256_of(b"same")).read_bytes() == b"same"


def test_adding_a_file_that_is_not_there_is_an_error_of_the_file(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.add_file(tmp_path / "absent")


def test_a_file_of_many_chunks_is_added_whole(tmp_path: Path) -> None:
    content = os.urandom(2 * CHUNK_BYTES + 5)
    (tmp_path / "large").write_bytes(content)
    store = BlobStore(tmp_path / "blobs", 10 * CHUNK_BYTES)

    ref = store.add_file(tmp_path / "large")

    assert (ref.sha256, ref.size_bytes) == (sha256_of(content), len(content))
    assert store.path(ref.sha256).read_bytes() == content


def test_uploads_that_nobody_went_on_with_for_a_day_are_dropped_at_the_start(store: BlobStore, tmp_path: Path) -> None:
    stale, fresh = sha256_of(b"stale"), sha256_of(b"fresh")
    for sha256 in (stale, fresh):
        with store.writer(sha256, 5, 0) as writer:
            writer.append(b"...")
    age(tmp_path / "blobs" / "parts" / stale, 25 * 3600)

    reopened = BlobStore(tmp_path / "blobs", CAPACITY_BYTES)

    assert reopened.status(stale).stored_bytes == 0
    assert reopened.status(fresh).stored_bytes == 3


def test_threads_that_add_and_evict_at_once_never_see_half_a_blob(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", 5000)
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        for number in range(20):
            content = bytes([seed, number]) * 500
            try:
                sha256 = put(store, content)
                with store.pinned([sha256]):
                    assert store.path(sha256).read_bytes() == content
            except MltestError:
                continue
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert failures == []


def _descriptor(writer: BlobWriter) -> int:
    """The open file of a writer, which a test turns into a full disk."""
    return writer._descriptor
