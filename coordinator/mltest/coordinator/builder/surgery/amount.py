"""How much of something a transform keeps: a number, or a share of what the model has. Pure."""

from fractions import Fraction

from mltest.shared.errors import PlanInvalidError

_REMEDY = "give a number (32) or a share (1/2)"


def amount_of(text: str, total: int) -> int:
    """Return how many of `total` the `text` asks for: "32" as it is, "1/2" or "0.5" of `total`, rounded, at least 1.

    Raises:
        PlanInvalidError: it is neither a positive number nor a share between 0 and 1.

    """
    try:
        wanted = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise PlanInvalidError(detail=f"{text!r} is no amount; {_REMEDY}") from error
    if wanted <= 0:
        raise PlanInvalidError(detail=f"{text!r} is nothing; {_REMEDY}")
    if wanted < 1:
        return max(1, round(wanted * total))
    if wanted.denominator != 1:
        raise PlanInvalidError(detail=f"{text!r} is neither; {_REMEDY}")
    return int(wanted)
