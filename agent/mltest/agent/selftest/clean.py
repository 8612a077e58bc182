"""clean: that nothing but the candidate runs in a worker, and that the agent keeps still while slices run."""

import time

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.local_rounds import standard_latency
from mltest.agent.selftest.models import candidate_of
from mltest.shared.domain import CandidateEnded

FORBIDDEN = ("grpc", "google.protobuf", "zeroconf", "sqlite3", "mltest.v1", "mltest.agent.daemon")
"""Modules of the daemons that no runtime needs."""
_SUBJECTS = (("forest", "treelite", 16), ("forest", "onnxruntime", 16), ("network", "scikit-learn", 16))
_SHORT, _LONG = 1, 5
_SLICE_NS = 1_000_000_000


async def clean(bench: Bench) -> list[Finding]:
    """Look into workers of every runtime, and at the processor time of this process while they measure."""
    subjects = bench.subjects(_SUBJECTS)
    loaded: dict[str, str] = {}
    extra_threads: dict[str, int] = {}
    for model, batch_size in subjects:
        sha256 = bench.sha256(model.path)
        plain = candidate_of(model, sha256, "plain")
        looking = candidate_of(model, sha256, "looking", slowed={"forbidden": ",".join(FORBIDDEN)})
        events = await bench.rounds.run(
            [plain, looking], bench.rows, seed=0, latency=standard_latency(batch_size, slice_count=2)
        )
        if reason := events.failures().get("looking"):
            loaded[model.key] = reason
        for end in events.of(CandidateEnded):
            if end.candidate_id == "plain" and end.thread_count is not None:
                extra_threads[model.key] = end.thread_count - plain.threads
    return [
        Finding(
            name="daemon_modules_loaded",
            value=len(loaded),
            meaning=f"workers with modules of a daemon{_told(loaded)}",
            bar=Bar(high=0),
            of_count=len(subjects),
        ),
        Finding(
            name="extra_threads",
            value=max(extra_threads.values()) if extra_threads else None,
            meaning=f"threads of a worker beyond those of its candidate, most{_told(extra_threads)}",
            bar=Bar(high=0),
            of_count=len(extra_threads),
        ),
        await _agent_cpu(bench),
    ]


async def _agent_cpu(bench: Bench) -> Finding:
    """Compare a visit with few slices to one with more: what differs is what slices cost the agent."""
    model, batch_size = bench.first_of(*_SUBJECTS)
    candidate = candidate_of(model, bench.sha256(model.path), "a")
    found = {}
    for slice_count in (_SHORT, 2 if bench.options.is_shortest else _LONG):
        latency = standard_latency(batch_size, slice_count=slice_count, slice_ns=_SLICE_NS)
        before_s = time.process_time()
        events = await bench.rounds.run([candidate], bench.rows, seed=0, latency=latency)
        found[slice_count] = (time.process_time() - before_s, events.ended.measuring_ns / 1e9)
    (few_cpu_s, few_s), (more_cpu_s, more_s) = found.values()
    return Finding(
        name="agent_cpu_ratio",
        value=max(0.0, more_cpu_s - few_cpu_s) / (more_s - few_s),
        meaning="of one core, used by the agent for each second inside slices",
        bar=Bar(high=0.01),
    )


def _told(found: dict[str, str] | dict[str, int]) -> str:
    return "".join(f"; {name}: {what}" for name, what in found.items())
