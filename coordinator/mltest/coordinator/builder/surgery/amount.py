"""How much of something a transform keeps: a number, or a share of what the model has. Pure."""

from fractions import Fraction


def amount_of(text: str, total: int) -> int:
    """Return how many of `total` the `text` asks for: "32" as it is, "1/2" or "0.5" of `total`, rounded, at least 1.

    Raises:
        ValueError: it is neither a positive number nor a share between 0 and 1; the message says what it is.

    """
    try:
        wanted = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{text!r} is no amount; give a number (32) or a share (1/2)") from error
    if wanted <= 0:
        raise ValueError(f"{text!r} is nothing; give a number (32) or a share (1/2)")
    if wanted < 1:
        return max(1, round(wanted * total))
    if wanted.denominator != 1:
        raise ValueError(f"{text!r} is more than all of it; give a number (32) or a share (1/2)")
    return int(wanted)
