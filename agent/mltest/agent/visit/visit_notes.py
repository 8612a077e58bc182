"""What makes the numbers of a visit less reliable, in words for people. Pure."""

from collections.abc import Collection

from mltest.shared.domain import SandboxInfo

FEW_ROWS = 512
"""Tree models look several times faster where fewer distinct rows than that are fed: branches and caches learn them."""


def load_notes(loads: Collection[float], cores: int) -> tuple[str, ...]:
    """Return a remark if one of `loads` (load averages over a minute) exceeds the number of `cores`."""
    load = max(loads, default=0.0)
    return (f"other work ran on this machine: load average {load:.1f} on {cores} cores",) if load > cores else ()


def few_rows_text(row_count: int, distinct_row_count: int, effective_row_count: int) -> str:
    """Return what to say of rows that are too few or too much alike; "" if they are not, or if no row was fed.

    Args:
        row_count: rows of the dataset.
        distinct_row_count: different ones among them.
        effective_row_count: as many rows, each as frequent as the others, would be as varied.

    """
    if not row_count or min(distinct_row_count, effective_row_count) >= FEW_ROWS:
        return ""
    if distinct_row_count < FEW_ROWS:
        found = f"only {distinct_row_count} distinct rows were fed"
    else:
        found = f"most rows are copies: they are as varied as {effective_row_count} distinct rows"
    return f"{found} (at least {FEW_ROWS} are better): branchy models look faster so; submit more rows"


def fault_notes(candidate_id: str, minor_faults: int, call_count: int) -> tuple[str, ...]:
    """Return a remark if a timed call of a candidate took a page fault or more: it gets its memory anew each time."""
    if not call_count or minor_faults < call_count:
        return ()
    return (f"candidate {candidate_id}: {minor_faults / call_count:.0f} page faults in each call",)


def clipped_notes(clipped_slices: int) -> tuple[str, ...]:
    """Return a remark if slices were ended by their number of calls, before their time."""
    return (f"{clipped_slices} slices ended early: they reached the limit of calls",) if clipped_slices else ()


def weaker_walls(candidate_id: str, walls: Collection[str], expected: SandboxInfo) -> tuple[str, ...]:
    """Return a remark if a worker was held by less than what held the one that was tried when the agent started."""
    missing = [wall for wall in expected.walls if wall not in walls]
    return (f"candidate {candidate_id} ran without {', '.join(missing)}",) if missing else ()
