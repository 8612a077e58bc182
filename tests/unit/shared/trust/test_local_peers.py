import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mltest.shared.trust.identity import identity_from_pem, made_here
from mltest.shared.trust.local_peers import LocalPeers, local_folder

IDENTITY = identity_from_pem(made_here())
_PUBLISHES = """
import sys
from pathlib import Path
from mltest.shared.trust.identity import identity_from_pem, made_here
from mltest.shared.trust.local_peers import LocalPeers
kept = LocalPeers(Path(sys.argv[1])).publish(identity_from_pem(made_here()))
print("published", flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", _PUBLISHES, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "published\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    process.stdin.close()


def test_a_process_is_known_until_it_says_goodbye(tmp_path: Path) -> None:
    folder = tmp_path / "peers"
    reader = LocalPeers(folder)
    publication = LocalPeers(folder).publish(IDENTITY, address="127.0.0.1:7")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert reader.find(IDENTITY.device_id) == reader.at("127.0.0.1:7")
    assert reader.at("") is None
    assert "PRIVATE" not in "".join(path.read_text() for path in folder.iterdir())
    publication.close()
    publication.close()
    assert reader.all() == ()
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_is_neither_believed_nor_kept(tmp_path: Path) -> None:
    with another_process(tmp_path) as process:
        assert len(LocalPeers(tmp_path).all()) == 1
        process.kill()
        process.wait()
        assert LocalPeers(tmp_path).all() == ()
        assert list(tmp_path.iterdir()) == []


def test_two_processes_with_one_key_do_not_take_each_others_file(tmp_path: Path) -> None:
    peers = LocalPeers(tmp_path)
    first, second = peers.publish(IDENTITY), peers.publish(IDENTITY)
    first.close()
    assert peers.find(IDENTITY.device_id) is not None
    second.close()
    assert peers.find(IDENTITY.device_id) is None


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_enter_is_not_used(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "peers"
    published = LocalPeers(folder).publish(IDENTITY)
    folder.chmod(mode)
    assert LocalPeers(folder).all() == ()
    assert LocalPeers(folder).publish(IDENTITY)._path is None
    published.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away: sudo make test")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "peers"
    published = LocalPeers(folder).publish(IDENTITY)
    os.chown(folder, 12345, 12345)
    assert LocalPeers(folder).all() == ()
    published.close()


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    published = LocalPeers(real).publish(IDENTITY)
    link.symlink_to(real)
    assert LocalPeers(link).all() == ()
    assert LocalPeers(link).publish(IDENTITY)._path is None
    published.close()


def test_a_file_of_another_key_is_not_believed(tmp_path: Path) -> None:
    published = LocalPeers(tmp_path).publish(IDENTITY)
    (path,) = tmp_path.iterdir()
    other = identity_from_pem(made_here()).device_id
    with path.open("r+") as stream:
        stream.write(path.read_text().replace(IDENTITY.device_id, other))
    assert LocalPeers(tmp_path).all() == ()
    published.close()


def test_where_the_folder_is(tmp_path: Path) -> None:
    run_time = tmp_path / "run"
    run_time.mkdir(mode=0o700)
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert local_folder({"MLTEST_LOCAL_PEERS_DIR": "/x", "XDG_RUNTIME_DIR": str(run_time)}) == Path("/x")
    assert local_folder(state | {"XDG_RUNTIME_DIR": str(run_time)}) == run_time / "mltest"
    run_time.chmod(0o755)
    fallback = local_folder(state | {"XDG_RUNTIME_DIR": str(run_time)})
    assert fallback in (tmp_path / "state" / "mltest" / "local-peers", Path(f"/run/user/{os.geteuid()}/mltest"))
