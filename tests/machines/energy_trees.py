"""Trees of machines, as small as what meters look at."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

INTEL_RANGE_UJ = 262143328850
"""2^32 - 1 steps of 61.035 µJ, which is what the kernel makes of 2^-14 J."""
DRAM_RANGE_UJ = 65712999613
"""The same of 15.3 µJ: memory of servers has a step of its own."""
AMD_RANGE_UJ = 65532610987

Files = Mapping[str, str]


def write_tree(root: Path, files: Files) -> Path:
    """Write `files` by their path below `root`; one that ends in vcgencmd becomes a program."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if path.name == "vcgencmd":
            path.chmod(0o755)
    return root


def cpuinfo(model: str, vendor: str = "GenuineIntel", flags: str = "fpu sse2") -> Files:
    return {"proc/cpuinfo": f"vendor_id\t: {vendor}\nmodel name\t: {model}\nflags\t\t: {flags}\n"}


def zones(*rows: tuple[str, str, int], energy_uj: int = 1_000_000) -> Files:
    """Return powercap zones: name, label, range in microjoules."""
    files = {}
    for name, label, range_uj in rows:
        folder = f"sys/class/powercap/{name}"
        files[f"{folder}/name"] = f"{label}\n"
        files[f"{folder}/energy_uj"] = f"{energy_uj}\n"
        files[f"{folder}/max_energy_range_uj"] = f"{range_uj}\n"
    return files


def perf(events: Iterable[str], cpus: str, places: Iterable[tuple[int, int, int]], paranoid: int = 2) -> Files:
    """Return the PMU of RAPL; places are processor, package and die."""
    pmu = "sys/bus/event_source/devices/power"
    numbers = {"cores": 1, "pkg": 2, "ram": 3, "gpu": 4, "psys": 5}
    files = {f"{pmu}/type": "32\n", f"{pmu}/cpumask": f"{cpus}\n"}
    for event in events:
        files[f"{pmu}/events/energy-{event}"] = f"event=0x0{numbers[event]}\n"
        files[f"{pmu}/events/energy-{event}.scale"] = "2.3283064365386962890625e-10\n"
        files[f"{pmu}/events/energy-{event}.unit"] = "Joules\n"
    for cpu, package, die in places:
        folder = f"sys/devices/system/cpu/cpu{cpu}/topology"
        files[f"{folder}/physical_package_id"] = f"{package}\n"
        files[f"{folder}/die_id"] = f"{die}\n"
    return {
        **files,
        "proc/sys/kernel/perf_event_paranoid": f"{paranoid}\n",
        "proc/self/status": "CapEff:\t0000000000000000\n",
    }


def ina3221(bus: str, hwmon: int, rails: Iterable[tuple[str, int, int, int]]) -> Files:
    """Return a chip; rails are label, millivolts, milliamperes and microohms."""
    folder = f"sys/bus/i2c/drivers/ina3221/{bus}/hwmon/hwmon{hwmon}"
    files = {f"{folder}/name": "ina3221\n", f"{folder}/in7_label": "sum of shunt voltages\n"}
    for number, (label, millivolts, milliamperes, microohms) in enumerate(rails, start=1):
        files[f"{folder}/in{number}_label"] = f"{label}\n"
        files[f"{folder}/in{number}_input"] = f"{millivolts}\n"
        files[f"{folder}/curr{number}_input"] = f"{milliamperes}\n"
        files[f"{folder}/shunt{number}_resistor"] = f"{microohms}\n"
    return files


def intel_one_socket() -> Files:
    """A desktop without memory counters, whose events may be read."""
    return {
        **cpuinfo("Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz"),
        **zones(
            ("intel-rapl:0", "package-0", INTEL_RANGE_UJ),
            ("intel-rapl:0:0", "core", INTEL_RANGE_UJ),
            ("intel-rapl:0:1", "uncore", INTEL_RANGE_UJ),
            ("intel-rapl:0:2", "dram", INTEL_RANGE_UJ),
        ),
        **perf(("pkg", "ram", "cores", "gpu"), "0", [(0, 0, 0)], paranoid=-1),
    }


def intel_two_sockets() -> Files:
    """A server; nobody may open its events."""
    return {
        **cpuinfo("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz"),
        **zones(
            ("intel-rapl:0", "package-0", INTEL_RANGE_UJ),
            ("intel-rapl:0:0", "dram", DRAM_RANGE_UJ),
            ("intel-rapl:1", "package-1", INTEL_RANGE_UJ),
            ("intel-rapl:1:0", "dram", DRAM_RANGE_UJ),
        ),
        **perf(("pkg", "ram"), "0,20", [(0, 0, 0), (20, 1, 0)]),
    }


def intel_two_dies() -> Files:
    """One package with two dies (Cascade Lake AP), with SGX."""
    return {
        **cpuinfo("Intel(R) Xeon(R) Platinum 9242 CPU @ 2.30GHz", flags="fpu sse2 sgx"),
        **zones(
            ("intel-rapl:0", "package-0-die-0", INTEL_RANGE_UJ),
            ("intel-rapl:0:0", "dram", DRAM_RANGE_UJ),
            ("intel-rapl:1", "package-0-die-1", INTEL_RANGE_UJ),
            ("intel-rapl:1:0", "dram", DRAM_RANGE_UJ),
        ),
        **perf(("pkg", "ram"), "0,24", [(0, 0, 0), (24, 0, 1)], paranoid=0),
    }


def intel_psys_mmio() -> Files:
    """A laptop that also counts its platform, and repeats its package over MMIO."""
    return {
        **cpuinfo("11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz"),
        **zones(
            ("intel-rapl:0", "package-0", INTEL_RANGE_UJ),
            ("intel-rapl:0:0", "core", INTEL_RANGE_UJ),
            ("intel-rapl:0:1", "uncore", INTEL_RANGE_UJ),
            ("intel-rapl:1", "psys", INTEL_RANGE_UJ),
            ("intel-rapl-mmio:0", "package-0", INTEL_RANGE_UJ),
        ),
        **perf(("pkg", "cores", "gpu", "psys"), "0", [(0, 0, 0)]),
    }


def amd_zen() -> Files:
    """AMD is in the same places, and its core zone is one core."""
    return {
        **cpuinfo("AMD EPYC 7543 32-Core Processor", vendor="AuthenticAMD"),
        **zones(
            ("intel-rapl:0", "package-0", AMD_RANGE_UJ),
            ("intel-rapl:0:0", "core", AMD_RANGE_UJ),
        ),
        **perf(("pkg",), "0", [(0, 0, 0)], paranoid=4),
    }


def agx_orin() -> Files:
    """Three rails make 36.8 W; the fourth is fed by one of them."""
    return {
        "proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
        **ina3221(
            "1-0040",
            3,
            [
                ("VDD_GPU_SOC", 19200, 800, 2000),
                ("VDD_CPU_CV", 19200, 400, 2000),
                ("VIN_SYS_5V0", 5000, 2752, 2000),
            ],
        ),
        "sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3/update_interval": "10\n",
        **ina3221("1-0041", 4, [("NC", 0, 0, 2000), ("VDDQ_VDD2_1V8AO", 5000, 800, 2000), ("NC", 0, 0, 2000)]),
    }


def orin_nx() -> Files:
    """The board has an input rail; two others are part of it."""
    return {
        "proc/device-tree/model": "NVIDIA Orin NX Developer Kit\0",
        **ina3221(
            "1-0040",
            1,
            [("VDD_IN", 5056, 1360, 5000), ("VDD_CPU_GPU_CV", 5056, 320, 5000), ("VDD_SOC", 5056, 280, 5000)],
        ),
    }


def agx_xavier() -> Files:
    """JetPack 4: other files, and no input rail."""
    files = {"proc/device-tree/model": "Jetson-AGX\0"}
    chips = (
        ("1-0040/iio:device0", (("GPU", 19000, 1200), ("CPU", 19000, 900), ("SOC", 19000, 1500))),
        ("1-0041/iio:device1", (("CV", 19000, 300), ("VDDRQ", 19000, 700), ("SYS5V", 5000, 2500))),
    )
    for chip, rails in chips:
        for number, (label, millivolts, milliwatts) in enumerate(rails):
            folder = f"sys/bus/i2c/drivers/ina3221x/{chip}"
            files[f"{folder}/rail_name_{number}"] = f"{label}\n"
            files[f"{folder}/in_voltage{number}_input"] = f"{millivolts}\n"
            files[f"{folder}/in_power{number}_input"] = f"{milliwatts}\n"
    return files


def grace() -> Files:
    """NVIDIA Grace: sensors of the firmware, and a network card that nobody asked for."""
    files = {"sys/class/hwmon/hwmon0/name": "mlx5\n", "sys/class/hwmon/hwmon0/power1_input": "9000000\n"}
    rows = (("Module", 252), ("Grace", 140), ("CPU", 96), ("SysIO", 21))
    for number, (label, watts) in enumerate(rows, start=1):
        folder = f"sys/class/hwmon/hwmon{number}"
        files[f"{folder}/name"] = "power_meter\n"
        files[f"{folder}/device/power1_average"] = f"{watts * 1_000_000}\n"
        files[f"{folder}/device/power1_average_interval"] = "50\n"
        files[f"{folder}/device/power1_oem_info"] = f"{label} Power Socket 0\n"
    return files


PMIC_TEXT = """\
 3V7_WL_SW_A current(0)=0.10000000A
   3V3_SYS_A current(1)=0.20000000A
  VDD_CORE_A current(7)=2.50000000A
 3V7_WL_SW_V volt(8)=3.70000000V
   3V3_SYS_V volt(9)=3.30000000V
  VDD_CORE_V volt(15)=0.80000000V
      EXT5V_V volt(24)=5.10000000V
      BATT_V volt(25)=0.00000000V
"""
PMIC_W = 0.1 * 3.7 + 0.2 * 3.3 + 2.5 * 0.8


def raspberry_pi_5() -> Files:
    """A Pi tells of its rails, by a program."""
    return {
        "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
        "usr/bin/vcgencmd": f"#!/bin/sh\ncat <<'END'\n{PMIC_TEXT}END\n",
    }


def virtual_machine() -> Files:
    """Nothing at all."""
    return {**cpuinfo("AMD EPYC", vendor="AuthenticAMD", flags="fpu sse2 hypervisor")}


MACHINES: Mapping[str, Callable[[], Files]] = {
    "intel-one-socket": intel_one_socket,
    "intel-two-sockets": intel_two_sockets,
    "intel-two-dies": intel_two_dies,
    "intel-psys-mmio": intel_psys_mmio,
    "amd-zen": amd_zen,
    "jetson-agx-orin": agx_orin,
    "jetson-orin-nx": orin_nx,
    "jetson-agx-xavier": agx_xavier,
    "grace": grace,
    "raspberry-pi-5": raspberry_pi_5,
    "virtual-machine": virtual_machine,
}
