"""How much of something a transform keeps: a number, or a share of what the model has. Pure."""

import re
from fractions import Fraction

from mltest.shared.errors import PlanInvalidError

_REMEDY = "give a number (32) or a share (1/2)"
_AMOUNT = re.compile(r"[0-9]{1,9}(/[0-9]{1,9}|\.[0-9]{1,9})?|\.[0-9]{1,9}")
"""Of a length that a fraction is quickly made of."""


def amount_text(text: str) -> str:
    """Return an amount in one way of writing, so that "0.5" and "2/4" are the same as "1/2".

    Raises:
        PlanInvalidError: it is neither a positive whole number nor a share between 0 and 1.

    """
    if not _AMOUNT.fullmatch(text):
        raise PlanInvalidError(detail=f"{text[:40]!r} is no amount; {_REMEDY}")
    return str(_amount(text))


def amount_of(text: str, total: int) -> int:
    """Return how many of `total` the `text` asks for: "32" as it is, "1/2" or "0.5" of `total`, rounded, at least 1.

    Raises:
        PlanInvalidError: it is neither a positive number nor a share between 0 and 1.

    """
    wanted = _amount(text)
    return max(1, round(wanted * total)) if wanted < 1 else int(wanted)


def _amount(text: str) -> Fraction:
    try:
        wanted = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise PlanInvalidError(detail=f"{text!r} is no amount; {_REMEDY}") from error
    if wanted <= 0:
        raise PlanInvalidError(detail=f"{text!r} is nothing; {_REMEDY}")
    if wanted > 1 and wanted.denominator != 1:
        raise PlanInvalidError(detail=f"{text!r} is neither; {_REMEDY}")
    return wanted
