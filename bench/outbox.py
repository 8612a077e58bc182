"""Whether the journal on the disk disturbs what is timed: visits with it and without, alternating.

make bench-outbox; best where nothing else runs. It asserts nothing, and prints the ratios of quantiles.
"""

import asyncio
import random
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from mltest.agent.outbox.outbox import DiskOutbox, MemoryOutbox, Outbox
from mltest.agent.service import encode_event
from mltest.agent.visit.visit_log import VisitLog
from mltest.agent.visit.visit_runner import VisitRunner
from mltest.agent.visit.visit_site import VisitSite
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import LatencySpec, SampleBatch, VisitEvent, VisitSpec
from tests.integration.agent_peer import candidate, visit, write_files

_PAIRS = 12
_RANKS = (0.5, 0.99)


async def main(pairs: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site, spec = _site_and_spec(folder)
        outboxes: dict[str, Outbox] = {"disk": DiskOutbox(folder / "outbox"), "memory": MemoryOutbox()}
        ratios: list[list[float]] = [[] for _ in _RANKS]
        for pair in range(pairs):
            found = {}
            for kind in random.sample(sorted(outboxes), 2):
                one = replace(spec, visit_id=f"{kind}-{pair}")
                found[kind] = await _quantiles_ns(one, site, outboxes[kind])
            for place in range(len(_RANKS)):
                ratios[place].append(found["disk"][place] / found["memory"][place])
    for rank, of_rank in zip(_RANKS, ratios, strict=True):
        quartiles = ", ".join(f"{value:.3f}" for value in statistics.quantiles(of_rank, n=4))
        print(f"p{100 * rank:g} of a call with the journal / without: quartiles {quartiles} of {pairs} pairs")


def _site_and_spec(folder: Path) -> tuple[VisitSite, VisitSpec]:
    files, store = write_files(folder), BlobStore(folder / "blobs", 10**9)
    data, model = store.add_file(files.data).sha256, store.add_file(files.model).sha256
    (folder / "work").mkdir()
    site = VisitSite(agent_id="x", agent_name="x", store=store, work_folder=folder / "work", allows_pickle=False)
    latency = LatencySpec(batch_sizes=(1,), slice_count=150, slice_ns=5_000_000, warmup_ns=1_000_000)
    return site, replace(visit(data, candidate(model, "a"), candidate(model, "b")), latency=latency)


async def _quantiles_ns(spec: VisitSpec, site: VisitSite, outbox: Outbox) -> list[int]:
    values: list[int] = []

    def encode(event: VisitEvent) -> bytes:
        if isinstance(event.event, SampleBatch):
            for series in event.event.series:
                values.extend(series.values if series.metric == "latency_ns" else ())
        return encode_event(event)

    log = VisitLog(encode, journal=outbox.begin(spec))
    await VisitRunner(spec, log, site).run()
    log.close()
    outbox.drop(spec.visit_id, spec.attempt)
    values.sort()
    return [values[int(rank * (len(values) - 1))] for rank in _RANKS]


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else _PAIRS))
