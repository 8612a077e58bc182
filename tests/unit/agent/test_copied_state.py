"""A state directory knows the machine that it was made on."""

from pathlib import Path

import pytest

from mltest.agent.copied_state import check_not_copied
from mltest.shared.errors import IdentityCopiedError
from mltest.shared.status import next_step_of

pytestmark = pytest.mark.promise(8)


def machine(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text(name * 8 + "\n")
    return path


def test_a_restart_on_the_same_machine_is_fine(tmp_path: Path) -> None:
    here = machine(tmp_path, "here")
    check_not_copied(tmp_path, here)
    check_not_copied(tmp_path, here)


def test_a_copy_on_another_machine_is_refused_and_told_what_mends_it(tmp_path: Path) -> None:
    check_not_copied(tmp_path, machine(tmp_path, "here"))
    with pytest.raises(IdentityCopiedError) as refused:
        check_not_copied(tmp_path, machine(tmp_path, "there"))
    assert str(tmp_path) in refused.value.message
    assert f"mltest-agent reset-identity --state-dir {tmp_path}" in next_step_of(refused.value)


def test_a_machine_without_an_identity_is_not_checked(tmp_path: Path) -> None:
    check_not_copied(tmp_path, machine(tmp_path, "here"))
    check_not_copied(tmp_path, tmp_path / "missing")


def test_the_identity_of_the_machine_itself_is_not_stored(tmp_path: Path) -> None:
    here = machine(tmp_path, "here")
    check_not_copied(tmp_path, here)
    assert here.read_text().strip() not in (tmp_path / "trust" / "machine").read_text()
