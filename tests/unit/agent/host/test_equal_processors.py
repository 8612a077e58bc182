"""Which processors are equally fast."""

from pathlib import Path

from mltest.agent.host.equal_processors import equal_processors
from tests.unit.agent.host.machines import CPU, write


def test_processors_of_one_kind_are_all_equal(tmp_path: Path) -> None:
    write(tmp_path, {f"{CPU}/cpu{cpu}/cpufreq/cpuinfo_max_freq": "2000000\n" for cpu in range(4)})
    assert equal_processors(tmp_path, {3, 1, 0}) == (0, 1, 3)


def test_a_machine_that_says_nothing_has_equal_processors(tmp_path: Path) -> None:
    assert equal_processors(tmp_path, {0, 1}) == (0, 1)


def test_small_cores_of_an_arm_board_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, {f"{CPU}/cpu{cpu}/cpu_capacity": "1024\n" if cpu >= 4 else "530\n" for cpu in range(6)})
    assert equal_processors(tmp_path, range(6)) == (4, 5)
    # Somebody kept this process to the small ones.
    assert equal_processors(tmp_path, (0, 1)) == (0, 1)


def test_efficient_cores_of_a_desktop_are_left_out(tmp_path: Path) -> None:
    for cpu, highest in enumerate((5_000_000, 5_000_000, 3_800_000, 3_800_000)):
        write(tmp_path, {f"{CPU}/cpu{cpu}/cpufreq/cpuinfo_max_freq": f"{highest}\n"})
    assert equal_processors(tmp_path, range(4)) == (0, 1)


def test_this_machine_has_some() -> None:
    assert equal_processors()
