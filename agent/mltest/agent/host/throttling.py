"""Signs that the machine slowed itself down: too hot, too much current, or too little voltage."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from mltest.agent.host.kernel_file import kernel_line, kernel_number, kernel_text
from mltest.agent.host.raspberry_pi import find_firmware_program, firmware_bits

HEAT, OVER_CURRENT, UNDERVOLTAGE = "heat", "over-current", "undervoltage"
"""Causes of throttling."""

_COOLING = ("thermal-cpufreq", "cpufreq-", "Processor")
"""Types of cooling devices that slow processors down while their state is above 0."""
_RASPBERRY_PI_NOW = 0xF
"""Of get_throttled: too little voltage, clock capped, throttled, soft temperature limit; right now."""
_RASPBERRY_PI_SINCE = 0xF0000
"""The same since the start, or since the bits were read."""
_UNDERVOLTAGE_BITS = 0x10001
"""Those of them that tell of too little voltage."""


class SignKind(Enum):
    """How a sign is to be read."""

    COUNTER = auto()
    """Counts events."""
    STATE = auto()
    """Above 0 while it lasts."""
    RASPBERRY_PI = auto()
    """Bits in hexadecimal, as of `vcgencmd get_throttled`."""
    RASPBERRY_PI_PROGRAM = auto()
    """The same bits, printed by that program, which takes milliseconds."""
    STATE_TIMES = auto()
    """Milliseconds in each state, one a line; those above state 0 count, as a counter."""


_BITS = (SignKind.RASPBERRY_PI, SignKind.RASPBERRY_PI_PROGRAM)


@dataclass(frozen=True, slots=True)
class Sign:
    """One file, or program, that tells of throttling."""

    path: Path
    kind: SignKind
    cause: str = HEAT
    """What it tells of; the bits of a Raspberry Pi tell it themselves."""

    def read(self) -> int | None:
        """Return what it says; None where it cannot be read now."""
        if self.kind is SignKind.STATE_TIMES:
            return _slowed_ms(kernel_text(self.path))
        if self.kind is SignKind.RASPBERRY_PI_PROGRAM:
            return firmware_bits(self.path)
        return kernel_number(self.path, 16 if self.kind in _BITS else 10)

    def text(self, value: int) -> str:
        """Return a value for people."""
        return hex(value) if self.kind in _BITS else str(value)


def find_signs(root: Path) -> tuple[Sign, ...]:
    """Return the signs that this machine has, those of the whole machine first."""
    return tuple(sign for sign in _possible_signs(root) if sign.read() is not None)


def shows_throttling(kind: SignKind, before: int | None, now: int | None) -> bool:
    """Return whether a sign that said `before` and says `now` tells of throttling between the two, or now."""
    if now is None:
        return False
    match kind:
        case SignKind.COUNTER | SignKind.STATE_TIMES:
            return before is not None and now > before
        case SignKind.STATE:
            return now > 0
        case SignKind.RASPBERRY_PI | SignKind.RASPBERRY_PI_PROGRAM:
            return bool(now & _RASPBERRY_PI_NOW or now & ~(before or 0) & _RASPBERRY_PI_SINCE)


def causes_between(sign: Sign, before: int | None, now: int | None) -> frozenset[str]:
    """Return why the machine was throttled between two readings of a sign, or is now; nothing if it was not."""
    if now is None or not shows_throttling(sign.kind, before, now):
        return frozenset()
    if sign.kind not in _BITS:
        return frozenset({sign.cause})
    bits = now & _RASPBERRY_PI_NOW | now & ~(before or 0) & _RASPBERRY_PI_SINCE
    named = {UNDERVOLTAGE: bits & _UNDERVOLTAGE_BITS, HEAT: bits & ~_UNDERVOLTAGE_BITS}
    return frozenset(cause for cause, found in named.items() if found)


def throttled_since_start(signs: Sequence[Sign]) -> tuple[str, ...]:
    """Return what tells of throttling at any time since the machine started: file and value."""
    return tuple(f"{sign.path} = {sign.text(value)}" for sign in signs if (value := sign.read()))


def _possible_signs(root: Path) -> Iterable[Sign]:
    cpus = root / "sys/devices/system/cpu"
    # Intel; arch/x86/include/asm/therm_throt.h. A package's counter is the same for all its processors.
    packages = {kernel_line(path.parents[1] / "topology/physical_package_id"): path for path in _x86(cpus, "package")}
    yield from (Sign(path, SignKind.COUNTER) for path in packages.values())
    # Raspberry Pi; drivers/firmware/raspberrypi.c of its kernel, and drivers/hwmon/raspberrypi-hwmon.c of every kernel.
    firmware = Sign(root / "sys/devices/platform/soc/soc:firmware/get_throttled", SignKind.RASPBERRY_PI)
    yield firmware
    chips = sorted((root / "sys/class/hwmon").glob("hwmon*"))
    volts = (chip / "in0_lcrit_alarm" for chip in chips if kernel_line(chip / "name") == "rpi_volt")
    yield from (Sign(path, SignKind.STATE, UNDERVOLTAGE) for path in volts)
    # Jetson; over-current events of drivers/soc/tegra/soctherm.
    events = (path for chip in chips for path in sorted(chip.glob("oc*_event_cnt")))
    yield from (Sign(path, SignKind.COUNTER, OVER_CURRENT) for path in events)
    for device in sorted((root / "sys/class/thermal").glob("cooling_device*")):
        if kernel_line(device / "type").startswith(_COOLING):
            yield Sign(device / "cur_state", SignKind.STATE)
            # driver-api/thermal/sysfs-api.rst; kept by the kernel, so that nothing between two looks is missed.
            yield Sign(device / "stats/time_in_state_ms", SignKind.STATE_TIMES)
    yield from (Sign(path, SignKind.COUNTER) for path in _x86(cpus, "core"))
    if firmware.read() is None and (program := find_firmware_program(root)):
        yield Sign(program, SignKind.RASPBERRY_PI_PROGRAM)


def _x86(cpus: Path, what: str) -> Iterable[Path]:
    return sorted(cpus.glob(f"cpu[0-9]*/thermal_throttle/{what}_throttle_count"))


def _slowed_ms(text: str) -> int | None:
    """Return the time above state 0; the kernel writes "state1", a tab and the time in ms."""
    times = [line.split() for line in text.splitlines()]
    known = [(name, int(ms)) for name, ms in (pair for pair in times if len(pair) == 2) if ms.isdigit()]
    return sum(ms for name, ms in known if name.removeprefix("state") != "0") if known else None
