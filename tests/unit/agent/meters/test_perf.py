"""perf events: the call itself on an event that every kernel has, and RAPL's events on made trees."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mltest.agent.meters.perf_event import PerfEvent, open_event, read_event
from mltest.agent.meters.processor import read_processor
from mltest.agent.meters.rapl_domains import Zone
from mltest.agent.meters.rapl_perf import PerfMeter, RaplPerf, processors_of
from mltest.agent.meters.role import MeterSite, Unavailable
from mltest.shared.errors import MeterUnreadableError
from tests.machines.energy_trees import MACHINES, write_tree

_SOFTWARE, _TASK_CLOCK = 1, 1
SCALE = 2.0**-32


def test_the_kernel_takes_the_call() -> None:
    try:
        descriptor = open_event(PerfEvent(type=_SOFTWARE, config=_TASK_CLOCK, cpu=-1), pid=0)
    except OSError as error:
        pytest.skip(f"{error.strerror}: sudo sysctl kernel.perf_event_paranoid=2 makes it run, outside of containers")
    first = read_event(descriptor)
    second = read_event(descriptor)
    os.close(descriptor)

    assert 0 < first < second


def counter_at(path: Path) -> Callable[[PerfEvent], int]:
    """Return what opens a file with 8 bytes in place of each event."""

    def opened(event: PerfEvent) -> int:
        return os.open(path / f"{event.config}@{event.cpu}", os.O_RDONLY)

    return opened


def zone(key: str, part: str = "") -> Zone:
    return Zone(key=key, package="package-0", part=part, resolution_j=1e-6, wrap_j=None)


def test_counts_become_joules_by_the_scale_of_the_kernel(tmp_path: Path) -> None:
    for name, joules in (("2@0", 40), ("3@0", 5)):
        (tmp_path / name).write_bytes((joules * 2**32).to_bytes(8, "little"))
    events = {
        "pkg": (PerfEvent(type=32, config=2, cpu=0), SCALE, zone("pkg")),
        "ram": (PerfEvent(type=32, config=3, cpu=0), SCALE, zone("ram", "dram")),
    }
    meter = PerfMeter(read_processor(tmp_path), events, counter_at(tmp_path))
    meter.open()

    assert meter.read().values == {"cpu.package-0": 40.0, "cpu.package-0.dram": 5.0}
    meter.close()


def test_an_event_that_may_not_be_opened_is_an_error_that_names_the_grant(tmp_path: Path) -> None:
    events = {"pkg": (PerfEvent(type=32, config=2, cpu=0), SCALE, zone("pkg"))}
    meter = PerfMeter(read_processor(tmp_path), events, counter_at(tmp_path / "nowhere"))

    with pytest.raises(MeterUnreadableError, match="rapl-perf cannot be read: No such file") as caught:
        meter.open()
    assert "mltest-agent-perf.conf" in str(caught.value.facts["next_step"])


@pytest.mark.parametrize(
    ("status", "is_allowed"), [("0000004000000000", True), ("0000000000200000", True), ("0", False)]
)
def test_the_capability_allows_what_the_setting_forbids(tmp_path: Path, status: str, is_allowed: bool) -> None:
    files = {**MACHINES["intel-two-sockets"](), "proc/self/status": f"Name:\tx\nCapEff:\t{status}\n"}

    (found,) = RaplPerf().discover(MeterSite(root=write_tree(tmp_path, files)))

    assert isinstance(found, Unavailable) != is_allowed


@pytest.mark.parametrize(("text", "cpus"), [("0,28", [0, 28]), ("0-3", [0, 1, 2, 3]), ("", []), ("x", []), ("5", [5])])
def test_lists_of_processors_are_read_as_the_kernel_writes_them(text: str, cpus: list[int]) -> None:
    assert processors_of(text) == cpus
