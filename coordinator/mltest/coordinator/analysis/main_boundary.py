"""The one boundary that a table shows and ranks: results at different boundaries are never in one ranking. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mltest.shared.domain import Result

_ESTIMATE = " (estimate)"


def with_main_boundary(results: Sequence[Result]) -> tuple[Result, ...]:
    """Return `results` in which those at the main boundary have no label, as every figure that may be ranked by.

    The main boundary is the one with joules of most candidates and agents; what was measured comes before estimates.
    Where a candidate has joules at other boundaries only, a figure without a value says so.
    """
    main = _main(results)
    if main is None:
        return tuple(results)
    unlabelled = [replace(one, label="") if one.boundary and one.label == main else one for one in results]
    return (*unlabelled, *_elsewhere(results, main))


def main_boundary_of(results: Sequence[Result]) -> str:
    """Return the name of the boundary that `with_main_boundary` chose; empty where nothing was measured."""
    found = (one for one in results if one.boundary and not one.label and one.metric.endswith("_j"))
    main = next((one for one in found if one.value is not None or one.count), None)
    return "" if main is None else f"{main.boundary}{_ESTIMATE if main.is_estimate else ''}"


def _main(results: Sequence[Result]) -> str | None:
    labels = [(one.label, one.value is not None) for one in results if one.boundary and one.metric.endswith("_j")]
    if not labels:
        return None
    counts = Counter(label for label, has_value in labels if has_value) or Counter(label for label, _ in labels)
    first = {label: -place for place, (label, _) in reversed(list(enumerate(labels)))}
    return max(counts, key=lambda label: (not label.endswith(_ESTIMATE), counts[label], first[label]))


def _elsewhere(results: Sequence[Result], main: str) -> list[Result]:
    found: dict[tuple[str, str, str, int], list[Result]] = {}
    for one in results:
        if one.boundary and one.metric.endswith("_j"):
            found.setdefault((one.candidate_id, one.agent_id, one.metric, one.batch_size), []).append(one)
    return [
        replace(
            each[0],
            label="",
            boundary=main,
            value=None,
            low=None,
            high=None,
            statistical=None,
            type_b=None,
            count=0,
            reason=f"measured at {', '.join(one.label for one in each)}, which is never ranked beside {main}",
        )
        for each in found.values()
        if all(one.label != main for one in each)
    ]
