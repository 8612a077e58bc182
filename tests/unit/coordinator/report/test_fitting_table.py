"""Tables that do not fit a terminal are told in several, and no number is broken or left out."""

import io

import pytest
from rich.console import Console

from mltest.coordinator.report.fitting_table import FittingTable

NAME = "a candidate, with a long name that may be folded"
NUMBERS = [f"{number}.00 µs ±5%" for number in range(1, 9)]


def lines(width: int) -> list[str]:
    table = FittingTable(["#", "candidate", *(f"column {number}" for number in range(1, 9))], key_count=2)
    table.add_row("1", NAME, *NUMBERS)
    table.add_row("2", "short", *NUMBERS)
    stream = io.StringIO()
    Console(file=stream, width=width).print(table)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_every_number_stands_whole_within_the_width(width: int) -> None:
    text = "\n".join(lines(width))
    assert max(len(line.rstrip()) for line in lines(width)) <= width
    assert all(text.count(number) == 2 for number in NUMBERS)


def test_every_part_says_whose_numbers_it_has() -> None:
    parts = "\n".join(line.rstrip() for line in lines(80)).split("\n\n")
    assert len(parts) > 1
    assert all("short" in part and "candidate" in part for part in parts)


def test_where_all_fits_there_is_one_table() -> None:
    assert not [line for line in lines(200) if not line.strip()]
    assert any(NAME in line for line in lines(200))
