"""What happened to a machine while a visit ran, on files of several kinds of machine that change meanwhile."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mltest.agent.host.machine_watch import MachineWatch
from mltest.agent.host.neighbours import package_neighbours, split_core_count
from mltest.agent.host.settings import read_settings
from mltest.agent.host.throttling import find_signs
from mltest.shared.domain import MachineState
from tests.unit.agent.host.machines import CPU, bare_metal, raspberry_pi, virtual_machine, write

DEVICE = "sys/class/thermal/cooling_device0"
PAGE = os.sysconf("SC_PAGE_SIZE")


def even() -> list[int]:
    return [1_000_000, 1_001_000] * 10


def state_after(root: Path, changes: dict[str, str], cpus: tuple[int, ...] = (0, 1)) -> MachineState:
    """Return the state of a visit in which `changes` happen before its slices begin."""
    watch = MachineWatch(root, cpus=cpus, own_pid=1, prepare_canary=lambda: even)
    write(root, changes)
    watch.begin(())
    return watch.end(())


def jetson(root: Path) -> Path:
    times = "state0\t50000\nstate1\t120\nstate2\t0\n"
    files = {"type": "cpufreq-cpu0\n", "cur_state": "0\n", "stats/time_in_state_ms": times}
    return write(root, {f"{DEVICE}/{name}": text for name, text in files.items()})


@pytest.mark.parametrize(
    ("machine", "changes", "causes"),
    [
        (bare_metal, {f"{CPU}/cpu1/thermal_throttle/core_throttle_count": "4\n"}, ("heat",)),
        (jetson, {f"{DEVICE}/stats/time_in_state_ms": "state0\t50000\nstate1\t150\nstate2\t0\n"}, ("heat",)),
        (jetson, {f"{DEVICE}/stats/time_in_state_ms": "state0\t90000\nstate1\t120\nstate2\t0\n"}, ()),
        (raspberry_pi, {"sys/devices/platform/soc/soc:firmware/get_throttled": "50001\n"}, ("undervoltage",)),
        (raspberry_pi, {"sys/devices/platform/soc/soc:firmware/get_throttled": "d0000\n"}, ("heat",)),
        (virtual_machine, {}, ()),
    ],
)
def test_throttling_between_begin_and_slices_is_not_missed(
    tmp_path: Path, machine: Callable[[Path], Path], changes: dict[str, str], causes: tuple[str, ...]
) -> None:
    assert state_after(machine(tmp_path), changes).throttle_causes == causes


def test_time_in_a_cooling_state_is_a_sign(tmp_path: Path) -> None:
    (sign,) = (one for one in find_signs(jetson(tmp_path)) if one.path.name == "time_in_state_ms")
    assert sign.read() == 120


def test_a_setting_that_changes_in_a_visit_is_named(tmp_path: Path) -> None:
    root = write(bare_metal(tmp_path), {f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave\n"})
    changes = {f"{CPU}/cpu{cpu}/cpufreq/scaling_governor": "performance\n" for cpu in (0, 1)}

    assert state_after(root, changes).changed_settings == ("governor: powersave became performance",)


def test_what_goes_to_swap_and_comes_back_is_counted(tmp_path: Path) -> None:
    root = write(virtual_machine(tmp_path), {"proc/vmstat": "pgfault 9\npswpin 10\npswpout 20\n"})
    write(root, {"proc/meminfo": "SwapTotal: 2000 kB\nSwapFree: 1500 kB\n"})

    state = state_after(root, {"proc/vmstat": "pgfault 9\npswpin 11\npswpout 22\n"})

    assert (state.swapped_bytes, state.swap_used_bytes) == (3 * PAGE, 512_000)


def test_swap_that_is_not_told_is_absent(tmp_path: Path) -> None:
    state = state_after(virtual_machine(tmp_path), {})

    assert (state.swapped_bytes, state.swap_used_bytes) == (None, None)


def two_packages(root: Path) -> Path:
    """Eight processors: two packages of two cores with two hardware threads each."""
    for cpu in range(8):
        core = cpu % 4
        folder = f"{CPU}/cpu{cpu}/topology"
        write(
            root,
            {
                f"{folder}/physical_package_id": f"{core // 2}\n",
                f"{folder}/thread_siblings_list": f"{core},{core + 4}\n",
            },
        )
    return write(root, {f"{CPU}/online": "0-7\n"})


def test_neighbours_are_the_other_processors_of_the_same_package(tmp_path: Path) -> None:
    root = two_packages(tmp_path)

    assert package_neighbours(root, (0, 4)) == {1, 5}
    assert package_neighbours(root, (0, 1, 4, 5)) == frozenset()
    assert (split_core_count(root, (0, 4)), split_core_count(root, (0, 1, 4))) == (0, 1)
    assert split_core_count(virtual_machine(tmp_path / "vm"), (0,)) is None


def test_the_load_of_neighbours_is_a_share_of_their_time(tmp_path: Path) -> None:
    def stat(busy_of_neighbours: int, idle_of_neighbours: int) -> str:
        rows = [f"cpu{cpu} 100 0 0 100 0 0 0 0" for cpu in (0, 4)]
        rows += [f"cpu{cpu} {busy_of_neighbours} 0 0 {idle_of_neighbours} 0 0 0 0" for cpu in (1, 5)]
        return "\n".join(rows) + "\n"

    root = write(two_packages(tmp_path), {"proc/stat": stat(100, 100)})

    assert state_after(root, {"proc/stat": stat(140, 160)}, cpus=(0, 4)).package_load_ratio == pytest.approx(0.4)
    assert state_after(root, {}, cpus=(0, 1, 4, 5)).package_load_ratio is None


@pytest.mark.parametrize(("online", "power"), [("1", "mains"), ("0", "battery")])
def test_the_power_source_is_a_setting(tmp_path: Path, online: str, power: str) -> None:
    supply = "sys/class/power_supply/AC"
    root = write(tmp_path, {f"{supply}/type": "Mains\n", f"{supply}/online": f"{online}\n"})

    assert read_settings(root, (0,))["power"] == power
