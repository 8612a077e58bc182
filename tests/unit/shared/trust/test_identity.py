import os
import stat
from pathlib import Path

import pytest

from mltest.shared.state import locked_state
from mltest.shared.trust import identity as module
from mltest.shared.trust.identity import OVERLAP_S, erase_identity, is_copied, keys_in, made_here, rotate_key
from mltest.shared.trust.private_files import is_private_folder, read_private, write_private
from mltest.shared.trust.reset import reset_trust


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.promise(9)
def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = keys_in(tmp_path / "state", make=made_here)
    assert keys_in(tmp_path / "state", make=made_here) == first
    assert mode(tmp_path / "state" / "trust") == 0o700
    files = list((tmp_path / "state" / "trust").iterdir())
    assert {mode(path) for path in files} == {0o600}
    assert "PRIVATE KEY" in (tmp_path / "state" / "trust" / "identity.pem").read_text()


@pytest.mark.promise(9)
def test_a_lax_umask_does_not_open_the_key(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        keys_in(tmp_path, make=made_here)
    finally:
        os.umask(old)
    assert {mode(path) for path in (tmp_path / "trust").iterdir()} == {0o600}


@pytest.mark.promise(7)
def test_the_old_key_counts_for_seven_days_beside_the_new_one(tmp_path: Path) -> None:
    old = keys_in(tmp_path, make=made_here).current
    new = rotate_key(tmp_path, clock_s=lambda: 1000.0)
    assert [key.device_id for key in new.all] == [new.current.device_id, old.device_id]
    assert len(keys_in(tmp_path, clock_s=lambda: 1000.0 + OVERLAP_S).all) == 2
    assert keys_in(tmp_path, clock_s=lambda: 1001.0 + OVERLAP_S).all == (new.current,)
    assert not (tmp_path / "trust" / "previous-identity.pem").exists()


def test_an_identity_that_was_erased_does_not_come_back(tmp_path: Path) -> None:
    rotate_key(tmp_path)
    old = keys_in(tmp_path).all
    erase_identity(tmp_path)
    assert len(old) == 2
    assert keys_in(tmp_path, make=made_here).current.device_id not in {key.device_id for key in old}


def test_a_state_directory_that_was_copied_to_another_machine_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "machine_hash", lambda: "a" * 64)
    keys_in(tmp_path, make=made_here)
    assert not is_copied(tmp_path)
    monkeypatch.setattr(module, "machine_hash", lambda: "b" * 64)
    assert is_copied(tmp_path)
    monkeypatch.setattr(module, "machine_hash", lambda: "")
    assert not is_copied(tmp_path)


def test_the_identity_of_the_machine_itself_is_not_stored(tmp_path: Path) -> None:
    source = tmp_path / "machine-id"
    source.write_text("0123456789abcdef0123456789abcdef\n")
    assert module.machine_hash(source) != ""
    assert "0123456789abcdef" not in module.machine_hash(source)
    assert module.machine_hash(tmp_path / "absent") == ""


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret, link = tmp_path / "secret", tmp_path / "link"
    secret.write_text("x")
    link.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic link"):
        read_private(link)
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    assert is_private_folder(tmp_path / "real")
    assert not is_private_folder(tmp_path / "folder")


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_private(tmp_path / "file", "old")
    write_private(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away: sudo make test")
def test_what_root_changes_stays_with_the_owner_of_the_state_directory(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 12345, 12345)
    rotate_key(state)
    with locked_state(state):
        reset_trust(state)
    keys_in(state, make=made_here)
    owners = {path.stat().st_uid for path in state.rglob("*")}
    assert owners == {12345}
