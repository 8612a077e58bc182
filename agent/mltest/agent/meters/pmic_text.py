"""What `vcgencmd pmic_read_adc` of a Raspberry Pi 5 prints. Pure.

Two forms are about: `VDD_CORE_A current(7)=1.57142900A` and `VDD_CORE_A=1.57142900A`.
"""

import re

_LINE = re.compile(r"(\w+?)_([AV])(?:\s+(?:current|volt)\([0-9]+\))?=([0-9]+(?:\.[0-9]+)?)[AV]")


def rails_w(text: str) -> dict[str, float]:
    """Return the power of every rail whose voltage and current are both told, in watts."""
    found: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.strip()):
            found.setdefault(match[1], {})[match[2]] = float(match[3])
    return {name: pair["A"] * pair["V"] for name, pair in found.items() if len(pair) == 2}
