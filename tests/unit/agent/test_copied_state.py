"""A state directory knows the machine that it was made on."""

from pathlib import Path

import pytest

from mltest.agent.copied_state import check_not_copied
from mltest.shared.errors import IdentityCopiedError
from mltest.shared.status import next_step_of
from mltest.shared.trust import identity
from mltest.shared.trust.identity import keys_in, made_here
from mltest.shared.trust.reset import reset_trust

pytestmark = pytest.mark.promise(8)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(identity, "machine_hash", lambda: "a" * 64)
    keys_in(tmp_path, make=made_here)
    return tmp_path


def test_a_restart_on_the_same_machine_is_fine(state: Path) -> None:
    check_not_copied(state)


def test_a_first_start_is_fine(tmp_path: Path) -> None:
    check_not_copied(tmp_path)


def test_a_copy_on_another_machine_is_refused_and_told_what_mends_it(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "machine_hash", lambda: "b" * 64)
    with pytest.raises(IdentityCopiedError) as refused:
        check_not_copied(state)
    assert str(state) in refused.value.message
    assert f"mltest-agent reset-identity --state-dir {state}" in next_step_of(refused.value)


def test_a_copy_that_was_reset_is_fine(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "machine_hash", lambda: "b" * 64)
    reset_trust(state)
    check_not_copied(state)


def test_a_machine_without_an_identity_is_not_checked(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "machine_hash", lambda: "")
    check_not_copied(state)
