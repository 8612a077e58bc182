from dataclasses import asdict, replace

import pytest

from mltest.agent.probe.capabilities import (
    Capabilities,
    capability_digest,
    compiler_from_json,
    host_from_json,
    meter_from_json,
    runtime_from_json,
)
from mltest.agent.probe.describe import described
from mltest.shared.domain import AgentInfo, Compiler, Gpu, HostInfo, MeterInfo, RuntimeInfo
from mltest.shared.jsonable import to_jsonable

HOST = HostInfo(
    architecture="x86_64",
    cpu_model="AMD EPYC",
    cpu_features=("avx2",),
    logical_cores=2,
    memory_bytes=2**34,
    os="Debian",
    kernel="6.1",
    gpus=(Gpu(name="A100", memory_bytes=2**35),),
)
RUNTIME = RuntimeInfo(
    name="onnxruntime", version="1.32.0", is_available=True, formats=("onnx",), package_versions={"onnxruntime": "1"}
)
MISSING = RuntimeInfo(name="treelite", is_available=False, reason="not installed", formats=("treelite-checkpoint",))
METER = MeterInfo(name="rapl-perf", source="RAPL", is_available=True, boundaries=("cpu.package+dram",))
REFUSED = MeterInfo(name="rapl-powercap", is_available=False, reason="Permission denied", remedy="sudo grant it")
COMPILER = Compiler(name="gcc", version="gcc 12")
FOUND = Capabilities(software_version="0.1.0", host=HOST, compilers=(COMPILER,), runtimes=(RUNTIME, MISSING))
INFO = AgentInfo(
    agent_id="a",
    name="lab-1",
    protocol_version=1,
    min_protocol_version=1,
    software_version="0.1.0",
    host=HOST,
    runtimes=(RUNTIME,),
)


def test_what_a_child_found_survives_the_way_to_the_agent() -> None:
    assert host_from_json(to_jsonable(HOST)) == HOST
    assert runtime_from_json(to_jsonable(RUNTIME)) == RUNTIME
    assert compiler_from_json(to_jsonable(COMPILER)) == COMPILER
    assert meter_from_json(to_jsonable(METER)) == METER


def test_the_digest_does_not_depend_on_who_the_agent_is() -> None:
    assert capability_digest(INFO) == capability_digest(replace(INFO, agent_id="b", name="lab-2"))


@pytest.mark.parametrize(
    "changed",
    [
        replace(INFO, allows_pickle=True),
        replace(INFO, tags=("quiet",)),
        replace(INFO, runtimes=()),
        replace(INFO, meters=(METER,)),
        replace(INFO, host=replace(HOST, cpu_features=())),
        replace(INFO, software_version="0.2.0"),
    ],
)
def test_the_digest_changes_with_what_the_agent_can_run(changed: AgentInfo) -> None:
    assert capability_digest(changed) != capability_digest(INFO)


def test_a_digest_that_is_known_already_does_not_matter_for_the_next() -> None:
    assert capability_digest(replace(INFO, capability_digest="x")) == capability_digest(INFO)


def test_versions_are_those_of_usable_runtimes() -> None:
    assert FOUND.package_versions() == {"onnxruntime": "1"}


def test_a_machine_is_described_for_people() -> None:
    lines = described(FOUND).splitlines()
    assert lines[0] == "CPU         AMD EPYC (x86_64), 2 cores"
    assert "Memory      17.2 GB" in lines
    assert "GPU         A100, 34.4 GB, driver unknown" in lines
    assert "Runtime     onnxruntime 1.32.0: onnx" in lines
    assert "Runtime     treelite: not usable (not installed)" in lines


def test_a_description_is_data() -> None:
    assert asdict(FOUND)["runtimes"][0]["name"] == "onnxruntime"


def test_meters_are_described_with_what_they_cover_or_what_grants_them() -> None:
    text = described(replace(FOUND, meters=(METER, REFUSED)))

    assert "Meter       rapl-perf (RAPL): cpu.package+dram" in text
    assert "Meter       rapl-powercap: not usable (Permission denied); sudo grant it" in text
