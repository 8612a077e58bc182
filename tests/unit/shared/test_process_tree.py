"""Ending processes together with what they started."""

import subprocess
from pathlib import Path

import pytest

from mltest.shared.children import process_tree
from mltest.shared.children.process_tree import kill_tree


def test_a_process_that_hides_in_proc_is_killed_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under ProtectProc=invisible, where a process that hides its memory is not listed."""
    monkeypatch.setattr(process_tree, "_PROC", tmp_path)
    hidden = subprocess.Popen(["sleep", "600"], start_new_session=True)

    kill_tree(hidden.pid, "a mark")

    assert hidden.wait(timeout=60) == -9
