"""Shares for people."""


def percent_text(ratio: float) -> str:
    """Return a share with two significant digits: 0.83 %, 4.2 %, 48 %."""
    percent = 100 * ratio
    digits = 0 if percent >= 9.95 else 1 if percent >= 0.995 or percent == 0 else 2
    return f"{percent:.{digits}f} %"
