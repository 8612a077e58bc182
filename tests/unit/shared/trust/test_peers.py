from dataclasses import replace
from pathlib import Path

import pytest

from mltest.shared.errors import PeerUnknownError
from mltest.shared.trust.identity import Identity, identity_from_pem, made_here
from mltest.shared.trust.peers import AGENT, CLIENT, COORDINATOR, Peer, Peers


def peer_of(identity: Identity, role: str = COORDINATOR, name: str = "", lasting_id: str = "") -> Peer:
    return Peer(
        device_id=identity.device_id,
        certificate_pem=identity.certificate_pem,
        role=role,
        name=name,
        lasting_id=lasting_id,
    )


def new() -> Identity:
    return identity_from_pem(made_here())


def test_a_pin_is_seen_at_once_by_everybody_who_reads(tmp_path: Path) -> None:
    writer, reader = Peers(tmp_path), Peers(tmp_path)
    assert reader.all() == ()
    written = writer.put(peer_of(new(), name="a"))
    assert reader.all() == (written,)
    changed = writer.put(replace(written, name="b"))
    assert reader.find(written.device_id) == changed
    assert writer.remove(written.device_id)
    assert reader.all() == ()
    assert not writer.remove(written.device_id)


def test_a_pin_that_was_replaced_ends_with_its_time(tmp_path: Path) -> None:
    now_s = 1000.0
    peers = Peers(tmp_path, lambda: now_s)
    peers.put(replace(peer_of(new()), until_unix_s=1001))
    assert len(peers.all()) == 1
    now_s = 1001.0
    assert peers.all() == ()


def test_only_the_role_that_is_meant_is_found(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    peers.put(peer_of(new(), CLIENT, "same"))
    agent = peers.put(peer_of(new(), AGENT, "same"))
    assert peers.named("same", AGENT) == (agent,)
    assert peers.of_role(COORDINATOR) == ()


def test_all_keys_of_one_peer_are_found_by_any_of_them(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    old, other = new(), new()
    first = peers.put(peer_of(old, AGENT, "lab", old.device_id))
    second = peers.put(peer_of(other, AGENT, "lab", old.device_id))
    for text in ("lab", first.device_id[:10], second.device_id[:10]):
        assert {peer.device_id for peer in peers.named(text, AGENT)} == {old.device_id, other.device_id}


@pytest.mark.parametrize("text", ["", "nobody", "../x"])
def test_nobody_is_an_error(tmp_path: Path, text: str) -> None:
    peers = Peers(tmp_path)
    peers.put(peer_of(new(), AGENT, "lab"))
    with pytest.raises(PeerUnknownError):
        peers.named(text, AGENT)


def test_a_name_that_two_share_is_an_error(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    for _ in range(2):
        peers.put(peer_of(new(), AGENT, "lab"))
    with pytest.raises(PeerUnknownError, match="more than one"):
        peers.named("lab", AGENT)


def test_a_file_that_names_another_key_is_not_believed(tmp_path: Path) -> None:
    peers = Peers(tmp_path)
    right, other = peers.put(peer_of(new())), new()
    folder = tmp_path / "trust" / "peers"
    (folder / f"{other.device_id}.json").write_text((folder / f"{right.device_id}.json").read_text())
    (folder / f"{'a' * 52}.json").write_text("{}")
    (folder / "x.json").write_text("not JSON")
    (folder / f"{'b' * 52}.json").symlink_to(folder / f"{right.device_id}.json")
    assert peers.all() == (right,)


def test_no_path_leaves_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="device id"):
        Peers(tmp_path).remove("../identity")
