"""How long to wait before something is tried again. Pure: the randomness is passed in."""

FIRST_S, MOST_S = 0.5, 60.0
_MANY = 30


def backoff_s(failures: int, draw: float, *, most_s: float = MOST_S) -> float:
    """Return a delay before the next try, of full jitter: anything up to a bound that doubles.

    Args:
        failures: tries that failed so far, at least one.
        draw: uniform over 0 to 1.
        most_s: largest bound.

    Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog 2015.

    """
    return draw * min(most_s, FIRST_S * 2.0 ** (min(failures, _MANY) - 1))
