"""The fingerprint of a machine: what changes it, which half of it, and what does not."""

from dataclasses import replace
from pathlib import Path

from mltest.agent.host.fingerprint import facts_digest, read_fingerprint
from mltest.shared.domain import Gpu, HostInfo
from tests.unit.agent.host.machines import CPU, bare_metal, write

HOST = HostInfo(
    architecture="x86_64",
    cpu_model="Some CPU",
    cpu_features=("avx2", "fma"),
    physical_cores=2,
    logical_cores=4,
    memory_bytes=16 << 30,
    os="Debian 12",
    kernel="6.8.0-45-generic",
    gpus=(Gpu(name="Some GPU", memory_bytes=8 << 30, driver_version="560.1"),),
)
CACHES = {
    f"{CPU}/cpu{cpu}/cache/index{index}/{name}": text
    for cpu in (0, 1)
    for index, facts in enumerate(
        (
            {"level": "1", "type": "Data", "size": "32K", "shared_cpu_list": f"{cpu}"},
            {"level": "3", "type": "Unified", "size": "16384K", "shared_cpu_list": "0-1"},
        )
    )
    for name, text in facts.items()
}
BOARD = {f"sys/class/dmi/id/{name}": text for name, text in (("board_name", "X11\n"), ("bios_version", "2.1\n"))}


def tree(tmp_path: Path, name: str = "machine", **files: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return write(write(bare_metal(folder), CACHES | BOARD), files)


def test_it_tells_the_machine_and_its_setup(tmp_path: Path) -> None:
    found = read_fingerprint(tree(tmp_path), HOST)
    assert found.hardware["cpu"] == "Some CPU"
    assert found.hardware["caches"] == "L1 Data 32K x 2, L3 Unified 16384K x 1"
    assert found.hardware["board"] == "Dell Inc., PowerEdge R730, X11"
    assert found.hardware["cores"] == "2 cores, 4 threads"
    assert found.hardware["gpu"] == "Some GPU 8.59 GB"
    assert found.configuration["governor"] == "powersave"
    assert found.configuration["microcode"] == "0xb000040"
    assert found.configuration["firmware"] == "2.1"
    assert found.configuration["gpu_driver"] == "560.1"
    assert not {"usable_cpus", "cpu_quota"} & found.configuration.keys()


def test_it_stays_the_same_however_often_it_is_taken(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert read_fingerprint(root, HOST) == read_fingerprint(root, HOST)


def test_another_setting_changes_the_configuration_only(tmp_path: Path) -> None:
    old = read_fingerprint(tree(tmp_path), HOST)
    other = write(
        tree(tmp_path, "other"), {f"{CPU}/cpu{cpu}/cpufreq/scaling_governor": "performance\n" for cpu in (0, 1)}
    )
    new = read_fingerprint(other, HOST)
    assert new.hardware_digest == old.hardware_digest
    assert new.configuration_digest != old.configuration_digest
    assert {name for name in new.configuration if new.configuration[name] != old.configuration[name]} == {"governor"}


def test_more_memory_changes_the_hardware_only_and_what_a_kernel_keeps_changes_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path)
    old, same, more = (
        read_fingerprint(root, replace(HOST, memory_bytes=size))
        for size in (16 << 30, (16 << 30) - (20 << 20), 32 << 30)
    )
    assert same == old
    assert more.configuration_digest == old.configuration_digest
    assert more.hardware_digest != old.hardware_digest


def test_a_machine_that_tells_nothing_has_one_too(tmp_path: Path) -> None:
    bare = HostInfo(architecture="x86_64", cpu_model="unknown", logical_cores=1, memory_bytes=0, os="", kernel="")
    found = read_fingerprint(tmp_path, bare)
    assert found.hardware["architecture"] == "x86_64"
    assert len(found.hardware_digest) == len(found.configuration_digest) == 32


def test_a_digest_does_not_depend_on_the_order_of_facts() -> None:
    assert facts_digest({"a": "1", "b": "2"}) == facts_digest({"b": "2", "a": "1"})
    assert facts_digest({"a": "1", "b": "2"}) != facts_digest({"a": "2", "b": "1"})
