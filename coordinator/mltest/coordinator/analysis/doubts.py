"""Which figures suffer from what was found about their machine, and what is made of them. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from mltest.coordinator.analysis.machine_policy import ENERGY, GPU, MEMORY, TIME
from mltest.shared.domain import AgentMachine, Candidate, FindingLevel, MachineFinding, Result
from mltest.shared.metrics import RESULT_METRICS

_TIME_UNITS = ("s", "rows/s", "1/s")
_ENERGY_UNITS = ("J", "W")
_GPU_WORDS = ("cuda", "gpu", "tensorrt")
"""In the runtime or an option of a candidate that runs on a GPU."""


def doubted(
    results: Sequence[Result], machines: Sequence[AgentMachine], candidates: Sequence[Candidate]
) -> tuple[Result, ...]:
    """Return `results`, each with what the findings about its machine make of it; warnings make nothing of it."""
    findings = {machine.agent_id: machine.findings for machine in machines if machine.findings}
    on_gpu = {candidate.candidate_id for candidate in candidates if uses_gpu(candidate)}
    return tuple(_doubted(result, findings.get(result.agent_id, ()), on_gpu) for result in results)


def is_refused(result: Result) -> bool:
    """Return whether candidates must not be ranked by a figure."""
    return result.doubt_level is FindingLevel.REFUSE


def concerns_of(result: Result, *, on_gpu: bool) -> frozenset[str]:
    """Return which kinds of figures a result is."""
    unit = RESULT_METRICS[result.metric].unit if result.metric in RESULT_METRICS else ""
    kinds: Mapping[str, bool] = {
        TIME: unit in _TIME_UNITS,
        MEMORY: unit == "bytes" and result.metric.startswith("memory_"),
        ENERGY: unit.split("/")[0] in _ENERGY_UNITS,
    }
    found = {kind for kind, is_one in kinds.items() if is_one}
    is_of_gpu = bool(found) and (on_gpu or (ENERGY in found and "gpu" in result.label.lower()))
    return frozenset(found | ({GPU} if is_of_gpu else set()))


def uses_gpu(candidate: Candidate) -> bool:
    """Return whether a candidate runs on a GPU, by its runtime and options."""
    said = " ".join((candidate.runtime, *candidate.options.values())).lower()
    return any(word in said for word in _GPU_WORDS)


def _doubted(result: Result, findings: Sequence[MachineFinding], on_gpu: Collection[str]) -> Result:
    if not findings or result.doubt_level is not FindingLevel.UNSPECIFIED:
        return result
    kinds = concerns_of(result, on_gpu=result.candidate_id in on_gpu)
    for level in (FindingLevel.REFUSE, FindingLevel.UNRELIABLE):
        texts = [one.text for one in findings if one.level is level and not kinds.isdisjoint(one.concerns)]
        if texts:
            return replace(result, doubt_level=level, doubt="; ".join(texts))
    return result
