"""Times as people type them."""

import argparse

from mltest.shared.units import parse_quantity


def duration(text: str) -> float:
    """Return seconds for 90s, 30m, 24h."""
    try:
        seconds = parse_quantity(text, "s")
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 90s, 30m or 2h") from error
    if seconds <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return seconds
