"""What stands beside figures that the state of their machine makes unreliable, or takes out of the ranking."""

from collections.abc import Iterator, Sequence

from mltest.coordinator.planning.figure_names import metric_name
from mltest.coordinator.report.figure_text import REFUSED, UNRELIABLE
from mltest.shared.domain import FindingLevel, Result

_MEANINGS = {
    FindingLevel.REFUSE: f"marked {REFUSED}, nobody is ranked by it",
    FindingLevel.UNRELIABLE: f"marked {UNRELIABLE}, unreliable",
}


def doubt_texts(results: Sequence[Result]) -> Iterator[str]:
    """Yield why figures are marked, each reason once, with the figures that it concerns."""
    names: dict[tuple[FindingLevel, str], dict[str, None]] = {}
    for result in results:
        if result.doubt and result.value is not None:
            names.setdefault((result.doubt_level, result.doubt), {})[metric_name(result.metric)] = None
    for (level, doubt), metrics in names.items():
        yield f"{', '.join(metrics)} ({_MEANINGS[level]}): {doubt}"
