"""Energy counters of a powercap tree that is made of ordinary files."""

import sys
from pathlib import Path

import pytest

from mltest.agent.power.counters import Counters
from mltest.agent.power.domain import (
    PowerDomain,
    PowerReading,
    domains_from_line,
    domains_to_line,
    is_domain_name,
    reading_from_line,
    reading_to_line,
)
from mltest.agent.power.powerd import answer

POWERCAP = "sys/class/powercap"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two zones of one package; as in the kernel, the class has links into a tree of devices."""
    devices = tmp_path / "sys/devices/virtual/powercap/intel-rapl"
    for name, label, energy_uj in (("intel-rapl:0", "package-0", "123456789"), ("intel-rapl:0:0", "core", "42")):
        zone = devices / name
        zone.mkdir(parents=True)
        (zone / "name").write_text(label + "\n")
        (zone / "energy_uj").write_text(energy_uj + "\n")
        (zone / "max_energy_range_uj").write_text("262143328850\n")
    (tmp_path / POWERCAP).mkdir(parents=True)
    for zone in devices.iterdir():
        (tmp_path / POWERCAP / zone.name).symlink_to(zone)
    (tmp_path / POWERCAP / "dtpm").mkdir()
    return tmp_path


def test_every_zone_is_listed_with_its_range(root: Path) -> None:
    assert Counters(root).domains() == (
        PowerDomain(name="intel-rapl:0", label="package-0", max_energy_uj=262143328850),
        PowerDomain(name="intel-rapl:0:0", label="core", max_energy_uj=262143328850),
    )


def test_a_machine_without_counters_has_no_domains(tmp_path: Path) -> None:
    assert Counters(tmp_path).domains() == ()


def test_a_reading_stands_between_two_moments(root: Path) -> None:
    reading = Counters(root).read("intel-rapl:0")

    assert reading.energy_uj == 123456789
    assert 0 < reading.begin_monotonic_ns <= reading.end_monotonic_ns


@pytest.mark.parametrize("text", ["", "-1\n", "12x\n", "²\n"])
def test_what_is_no_number_is_absent_with_the_reason(root: Path, text: str) -> None:
    (root / POWERCAP / "intel-rapl:0/energy_uj").write_text(text)

    assert Counters(root).read("intel-rapl:0") == PowerReading(name="intel-rapl:0", absent="the kernel gives no number")


def test_a_zone_that_vanished_is_absent_with_the_reason(root: Path) -> None:
    (root / POWERCAP / "intel-rapl:0").unlink()

    assert Counters(root).read("intel-rapl:0").absent == "there is no such domain"


def test_a_range_that_cannot_be_read_is_absent_with_the_reason(root: Path) -> None:
    (root / POWERCAP / "intel-rapl:0/max_energy_range_uj").unlink()
    (root / POWERCAP / "intel-rapl:0/max_energy_range_uj").mkdir()

    (package, _) = Counters(root).domains()

    assert (package.max_energy_uj, package.absent) == (None, "Is a directory")


def test_a_counter_that_is_a_link_is_not_followed(root: Path) -> None:
    (root / "secret").write_text("7")
    counter = root / POWERCAP / "intel-rapl:0/energy_uj"
    counter.unlink()
    counter.symlink_to(root / "secret")

    assert Counters(root).read("intel-rapl:0").energy_uj is None


@pytest.mark.parametrize("name", ["intel-rapl:0", "intel-rapl:0:1", "intel-rapl:12:0:3", "intel-rapl-mmio:0"])
def test_names_of_the_kernel_are_names(name: str) -> None:
    assert is_domain_name(name)


HOSTILE = (
    *("", "intel-rapl", "intel-rapl:", "intel-rapl:0/..", "../intel-rapl:0", "/etc/shadow", "intel-rapl:0\n"),
    *("intel-rapl:0:0:0:0", "intel-rapl:0000", "intel-rapl:٣", "intel-rapl:0\0", "dtpm"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_else_is_a_name(name: str) -> None:
    assert not is_domain_name(name)


def test_no_request_opens_another_file(root: Path) -> None:
    opened: list[str] = []
    is_watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if is_watching and event in ("open", "os.listdir", "os.scandir"):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    counters = Counters(root)
    for name in (*HOSTILE, "intel-rapl:0", "intel-rapl:7"):
        answer(counters, f"read {name}\n".encode())
    for line in (b"domains\n", b"read\n", b"open /etc/shadow\n", b"\xff\xfe\n", b"domains extra\n", b"\n"):
        answer(counters, line)
    is_watching = False

    class_folder = root / POWERCAP
    for path in opened:
        below = Path(path).relative_to(class_folder).parts
        assert below == () or (is_domain_name(below[0]) and below[1] in {"name", "energy_uj", "max_energy_range_uj"})
    assert str(class_folder / "intel-rapl:0/energy_uj") in opened


@pytest.mark.parametrize("line", [b"read\n", b"write intel-rapl:0\n", b"\n", b"domains all\n", b"\xff\n"])
def test_what_is_no_request_has_no_answer(root: Path, line: bytes) -> None:
    assert answer(Counters(root), line) is None


def test_lines_say_what_they_were_made_of(root: Path) -> None:
    domains = Counters(root).domains()
    reading = PowerReading(name="intel-rapl:0", energy_uj=5, begin_monotonic_ns=1, end_monotonic_ns=2)

    assert domains_from_line(domains_to_line(domains)) == domains
    assert reading_from_line(reading_to_line(reading)) == reading


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"{", b'{"domains": [{"path": "x"}]}\n', b'{"domains": 3}\n'])
def test_nonsense_is_not_taken_for_an_answer(line: bytes) -> None:
    with pytest.raises(ValueError):
        domains_from_line(line)
    with pytest.raises(ValueError):
        reading_from_line(line)
