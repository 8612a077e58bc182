"""What makes the numbers of a visit less reliable, in words for people. Pure."""

from collections.abc import Collection

FEW_ROWS = 512
"""Tree models look several times faster where fewer distinct rows than that are fed: branches and caches learn them."""


def load_notes(loads: Collection[float], cores: int) -> tuple[str, ...]:
    """Return a remark if one of `loads` (load averages over a minute) exceeds the number of `cores`."""
    load = max(loads, default=0.0)
    return (f"other work ran on this machine: load average {load:.1f} on {cores} cores",) if load > cores else ()


def row_notes(row_count: int) -> tuple[str, ...]:
    """Return a remark if the timed calls went over few distinct rows; 0 stands for no timed call."""
    if not 0 < row_count < FEW_ROWS:
        return ()
    return (f"only {row_count} distinct rows were fed (at least {FEW_ROWS} are better): branchy models look faster so",)


def clipped_notes(clipped_slices: int) -> tuple[str, ...]:
    """Return a remark if slices were ended by their number of calls, before their time."""
    return (f"{clipped_slices} slices ended early: they reached the limit of calls",) if clipped_slices else ()
