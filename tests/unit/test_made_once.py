"""What tests share is made once, also by processes that ask at the same time, and never seen half made."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_once import made_once

PROGRAM = """
import sys
from pathlib import Path
from tests.made_once import made_once

def make(folder):
    with Path(sys.argv[1]).open("a") as made:
        made.write("once ")
    for number in range(200):
        (folder / str(number)).write_text("")

print(len(list(made_once("many files", make).iterdir())))
"""


def test_processes_that_ask_at_once_get_what_one_of_them_made_whole(tmp_path: Path) -> None:
    root, tally = Path(__file__).parents[2], tmp_path / "tally"
    command = [sys.executable, "-c", PROGRAM, str(tally)]
    running = [subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate()[0] for process in running] == ["200\n"] * 3
    assert tally.read_text() == "once "


def test_what_could_not_be_made_is_tried_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        made_once(f"in {tmp_path}", fail)
    folder = made_once(f"in {tmp_path}", lambda folder: (folder / "whole").write_text(""))
    assert [path.name for path in folder.iterdir()] == ["whole"]
