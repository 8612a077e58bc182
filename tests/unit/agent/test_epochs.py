from pathlib import Path

from mltest.agent.identity import agent_id_in
from mltest.agent.lease.epochs import EpochFile
from mltest.shared.trust.identity import keys_in, rotate_key


def test_epochs_count_up_over_restarts(tmp_path: Path) -> None:
    first = EpochFile(tmp_path / "epoch")
    seen = [first.next(), first.next()]
    seen.append(EpochFile(tmp_path / "epoch").next())
    assert seen == [1, 2, 3]


def test_an_identity_is_made_once(tmp_path: Path) -> None:
    made = agent_id_in(tmp_path)
    assert made == keys_in(tmp_path).current.device_id
    assert agent_id_in(tmp_path) == made


def test_a_damaged_identity_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "agent-id").write_text("../../etc")
    assert agent_id_in(tmp_path) == keys_in(tmp_path).current.device_id


def test_an_identity_outlives_its_key(tmp_path: Path) -> None:
    made = agent_id_in(tmp_path)
    assert rotate_key(tmp_path).current.device_id != made
    assert agent_id_in(tmp_path) == made
