"""Settings of several kinds of machine."""

from pathlib import Path

import pytest

from mltest.agent.host.processor_quota import read_processor_quota
from mltest.agent.host.settings import processor_count, read_settings
from mltest.agent.host.virtualisation import is_virtual_machine, read_virtualisation
from tests.unit.agent.host.machines import CPU, bare_metal, container, raspberry_pi, virtual_machine, write


def test_a_physical_machine_tells_all_of_them(tmp_path: Path) -> None:
    assert read_settings(bare_metal(tmp_path), (0, 1)) == {
        "governor": "powersave",
        "frequency_driver": "intel_pstate",
        "energy_preference": "balance_performance",
        "turbo": "on",
        "clocksource": "tsc",
        "kernel": "6.8.0-45-generic",
        "aslr": "2",
        "sched_autogroup": "1",
        "perf_event_paranoid": "4",
        "transparent_hugepage": "madvise",
        "swappiness": "60",
        "swap": "on",
        "smt": "on",
        "usable_cpus": "2 of 2",
        "virtualisation": "none",
        "microcode": "0xb000040",
    }


def test_a_virtual_machine_tells_what_it_knows(tmp_path: Path) -> None:
    assert read_settings(virtual_machine(tmp_path), (0,)) == {
        "smt": "notsupported",
        "usable_cpus": "1 of 2",
        "virtualisation": "virtual machine (KVM)",
        "microcode": "0x1000065",
    }


def test_an_empty_machine_is_not_fatal(tmp_path: Path) -> None:
    assert set(read_settings(tmp_path, (0,))) == {"usable_cpus"}


def test_the_boost_of_amd_and_the_governor_of_a_board_are_read(tmp_path: Path) -> None:
    settings = read_settings(write(raspberry_pi(tmp_path), {f"{CPU}/cpufreq/boost": "0\n"}), (0, 1))
    assert settings["turbo"] == "off"
    assert settings["governor"] == "ondemand"


def test_a_container_tells_its_quota(tmp_path: Path) -> None:
    settings = read_settings(container(tmp_path), (0, 1))
    assert settings["cpu_quota"] == "1.5 processors"
    assert settings["virtualisation"] == "container (docker)"


def test_the_tightest_quota_of_all_groups_above_counts(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user.slice/bench.service\n",
            "sys/fs/cgroup/user.slice/cpu.max": "50000 100000\n",
            "sys/fs/cgroup/user.slice/cpu.stat": "nr_throttled 9\n",
            "sys/fs/cgroup/user.slice/bench.service/cpu.max": "max 100000\n",
        },
    )
    quota = read_processor_quota(tmp_path)
    assert quota is not None
    assert (quota.processors, quota.period_s, quota.frozen_count) == (0.5, 0.1, 9)


def test_a_quota_of_version_1_is_read(tmp_path: Path) -> None:
    folder = "sys/fs/cgroup/cpu,cpuacct/docker/abc"
    files = {f"{folder}/cpu.cfs_quota_us": "20000\n", f"{folder}/cpu.cfs_period_us": "10000\n"}
    write(tmp_path, files | {"proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n"})
    quota = read_processor_quota(tmp_path)
    assert quota is not None
    assert quota.processors == 2.0


@pytest.mark.parametrize("text", ["max 100000\n", "-1 100000\n", "0 0\n", "1\n", ""])
def test_no_quota_is_none(tmp_path: Path, text: str) -> None:
    assert read_processor_quota(write(tmp_path, {"sys/fs/cgroup/cpu.max": text})) is None


@pytest.mark.parametrize(("text", "count"), [("0-3,8\n", 5), ("0\n", 1), ("\n", 0), ("0-1,4-5", 4)])
def test_processors_of_a_list_are_counted(text: str, count: int) -> None:
    assert processor_count(text) == count


def test_the_firmware_of_a_cloud_names_an_arm_virtual_machine(tmp_path: Path) -> None:
    write(tmp_path, {"proc/cpuinfo": "processor: 0\n", "sys/class/dmi/id/sys_vendor": "Amazon EC2\n"})
    assert read_virtualisation(tmp_path) == "virtual machine (Amazon EC2)"


def test_a_bare_metal_machine_of_a_cloud_is_none(tmp_path: Path) -> None:
    dmi = "sys/class/dmi/id"
    write(tmp_path, {f"{dmi}/sys_vendor": "Amazon EC2\n", f"{dmi}/product_name": "c6g.metal\n"})
    assert not is_virtual_machine(tmp_path)


@pytest.mark.parametrize("vendor", ["Microsoft Corporation", "Google", "Dell Inc.", "Xenon Systems"])
def test_a_physical_machine_is_not_taken_for_a_virtual_one(tmp_path: Path, vendor: str) -> None:
    assert not is_virtual_machine(write(tmp_path, {"sys/class/dmi/id/sys_vendor": f"{vendor}\n"}))
