"""File systems of several kinds of machine."""

from pathlib import Path

X86_CPUINFO = """\
processor\t: 0
model name\t: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz
microcode\t: 0xb000040
cpu MHz\t\t: 3300.000
flags\t\t: fpu sse2 aperfmperf avx2

processor\t: 1
model name\t: Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz
microcode\t: 0xb000040
cpu MHz\t\t: 1200.000
flags\t\t: fpu sse2 aperfmperf avx2
"""
VM_CPUINFO = """\
processor\t: 0
model name\t: AMD EPYC
microcode\t: 0x1000065
cpu MHz\t\t: 2596.122
flags\t\t: fpu sse2 hypervisor avx2

processor\t: 1
model name\t: AMD EPYC
microcode\t: 0x1000065
cpu MHz\t\t: 2596.122
flags\t\t: fpu sse2 hypervisor avx2
"""
CPU = "sys/devices/system/cpu"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def bare_metal(root: Path) -> Path:
    """Intel, two hyper-threads of one core, powersave governor of intel_pstate."""
    for cpu in (0, 1):
        folder = f"{CPU}/cpu{cpu}"
        write(
            root,
            {
                f"{folder}/cpufreq/scaling_governor": "powersave\n",
                f"{folder}/cpufreq/scaling_driver": "intel_pstate\n",
                f"{folder}/cpufreq/energy_performance_preference": "balance_performance\n",
                f"{folder}/cpufreq/scaling_cur_freq": f"{(3_300_000, 1_200_000)[cpu]}\n",
                f"{folder}/cpufreq/scaling_max_freq": "3300000\n",
                f"{folder}/cpufreq/base_frequency": "2400000\n",
                f"{folder}/cpufreq/related_cpus": f"{cpu}\n",
                f"{folder}/topology/physical_package_id": "0\n",
                f"{folder}/thermal_throttle/core_throttle_count": "3\n",
                f"{folder}/thermal_throttle/package_throttle_count": "7\n",
            },
        )
    return write(
        root,
        {
            "proc/cpuinfo": X86_CPUINFO,
            "proc/stat": stat(busy=100, idle=100),
            "proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
            "proc/sys/kernel/randomize_va_space": "2\n",
            "proc/sys/kernel/sched_autogroup_enabled": "1\n",
            "proc/sys/kernel/perf_event_paranoid": "4\n",
            "proc/sys/vm/swappiness": "60\n",
            "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n/swapfile file 2097148 0 -2\n",
            "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
            "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
            f"{CPU}/intel_pstate/no_turbo": "0\n",
            f"{CPU}/smt/active": "1\n",
            f"{CPU}/smt/control": "on\n",
            f"{CPU}/online": "0-1\n",
            f"{CPU}/isolated": "\n",
            "sys/class/thermal/thermal_zone0/type": "x86_pkg_temp\n",
            "sys/class/thermal/thermal_zone0/temp": "61000\n",
            "sys/class/hwmon/hwmon0/name": "coretemp\n",
            "sys/class/hwmon/hwmon0/temp2_input": "64000\n",
            "sys/class/hwmon/hwmon1/name": "nvme\n",
            "sys/class/hwmon/hwmon1/temp1_input": "90000\n",
            "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
            "sys/class/dmi/id/product_name": "PowerEdge R730\n",
        },
    )


def virtual_machine(root: Path) -> Path:
    """KVM, no cpufreq, no sensors."""
    return write(
        root,
        {
            "proc/cpuinfo": VM_CPUINFO,
            "proc/stat": stat(busy=100, idle=100),
            "sys/class/dmi/id/sys_vendor": "QEMU\n",
            "sys/class/dmi/id/product_name": "Standard PC (Q35 + ICH9, 2009)\n",
            f"{CPU}/smt/control": "notsupported\n",
            f"{CPU}/smt/active": "0\n",
            f"{CPU}/online": "0-1\n",
        },
    )


def raspberry_pi(root: Path) -> Path:
    """One clock for all of its processors, and a firmware that tells of throttling."""
    for cpu in (0, 1):
        folder = f"{CPU}/cpu{cpu}/cpufreq"
        files = {
            f"{folder}/scaling_cur_freq": "1500000\n",
            f"{folder}/related_cpus": "0 1\n",
            f"{folder}/scaling_governor": "ondemand\n",
        }
        write(root, files)
    return write(
        root,
        {
            "proc/cpuinfo": "processor\t: 0\n\nprocessor\t: 1\n\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n",
            "proc/stat": stat(busy=100, idle=100),
            "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "58426\n",
            "sys/class/thermal/cooling_device0/type": "thermal-cpufreq-0\n",
            "sys/class/thermal/cooling_device0/cur_state": "0\n",
        },
    )


def container(root: Path) -> Path:
    """Docker with 1.5 processors, on a physical host."""
    return write(
        root,
        {
            "proc/cpuinfo": X86_CPUINFO,
            "proc/stat": stat(busy=100, idle=100),
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/cpu.stat": "usage_usec 5\nnr_periods 10\nnr_throttled 4\nthrottled_usec 8\n",
            ".dockerenv": "",
        },
    )


def stat(*, busy: int, idle: int, steal: int = 0) -> str:
    """Return /proc/stat of two equal processors, with ticks of each."""
    lines = [f"cpu{cpu} {busy} 0 0 {idle} 0 0 0 {steal} 0 0" for cpu in (0, 1)]
    return "\n".join([f"cpu  {2 * busy} 0 0 {2 * idle} 0 0 0 {2 * steal} 0 0", *lines, "intr 5 0", ""])


def process_stat(pid: int, parent: int, ticks: tuple[int, int, int, int], command: str = "python") -> str:
    """Return /proc/PID/stat; ticks are user and system, its own and of the children that it waited for."""
    times = " ".join(map(str, ticks))
    return f"{pid} ({command}) S {parent} 1 1 0 -1 4194560 0 0 0 0 {times} 20 0 1 0 100 1000 10\n"
