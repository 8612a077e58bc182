"""When requests arrive that nobody waits with: a Poisson process."""

import random

_NS_PER_S = 1e9


def poisson_schedule_ns(rate_per_s: float, duration_ns: int, seed: int) -> tuple[int, ...]:
    """Return the times at which requests arrive, ascending, each from 0 to below `duration_ns`.

    Gaps are exponentially distributed and independent of each other, as those of many users are who do not know of
    each other. The same arguments give the same times.

    Args:
        rate_per_s: requests per second on average, above 0.
        duration_ns: length of the schedule.
        seed: of the gaps.

    Raises:
        ValueError: the rate is not above 0.

    """
    if not rate_per_s > 0:
        raise ValueError("a rate has to be above 0")
    gaps = random.Random(f"{seed}/{rate_per_s}")  # a schedule, not a secret
    times_ns: list[int] = []
    at_ns = gaps.expovariate(rate_per_s) * _NS_PER_S
    while at_ns < duration_ns:
        times_ns.append(int(at_ns))
        at_ns += gaps.expovariate(rate_per_s) * _NS_PER_S
    return tuple(times_ns)


def rate_name(rate_per_s: float) -> str:
    """Return a rate as labels and remarks name it: `80/s`."""
    return f"{rate_per_s:.12g}/s"
