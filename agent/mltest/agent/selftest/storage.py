"""storage: how many bytes a raw value takes as it is kept, on samples of this machine."""

import time
from collections.abc import Sequence
from itertools import chain

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding
from mltest.agent.selftest.local_rounds import standard_latency
from mltest.agent.selftest.models import candidate_of
from mltest.shared.sample_codec import pack, unpack

_SUBJECTS = (
    *(("forest", "treelite", 16), ("forest", "onnxruntime", 16), ("network", "scikit-learn", 16)),
    *(("forest", "onnxruntime", 1), ("forest", "treelite", 1), ("logistic", "scikit-learn", 1)),
)


async def storage(bench: Bench) -> list[Finding]:
    """Pack real samples of every runtime, all calls of one worker and batch size together, as a coordinator does."""
    cells: list[tuple[int, ...]] = []
    for model, batch_size in bench.subjects(_SUBJECTS[:2] if bench.options.is_shortest else _SUBJECTS):
        candidate = candidate_of(model, bench.sha256(model.path), "a")
        events = await bench.rounds.run([candidate], bench.rows, seed=0, latency=standard_latency(batch_size))
        cells.append(tuple(chain.from_iterable(one.values for one in events.series("latency_ns"))))
    return storage_findings(cells)


def storage_findings(cells: Sequence[Sequence[int]]) -> list[Finding]:
    """Return bytes per value over all `cells`, of the worst one, and whether every value comes back."""
    begin_s = time.process_time()
    packed = [pack(cell) for cell in cells]
    packing_s = time.process_time() - begin_s
    value_count = sum(map(len, cells))
    ratios = [len(one) / len(cell) for one, cell in zip(packed, cells, strict=True) if cell]
    returned = sum(list(unpack(one)) == list(cell) for one, cell in zip(packed, cells, strict=True))
    return [
        Finding(
            name="bytes_per_sample",
            value=sum(map(len, packed)) / value_count if value_count else None,
            meaning=f"packed bytes of a timed call, over {len(cells)} models and runtimes",
            bar=Bar(high=2.2),
            of_count=value_count,
        ),
        Finding(
            name="worst_bytes_per_sample",
            value=max(ratios, default=None),
            meaning="of the model and runtime that packs worst",
        ),
        Finding(
            name="altered_cells",
            value=len(cells) - returned,
            meaning="models whose values do not come back as they were",
            bar=Bar(high=0),
            of_count=len(cells),
        ),
        Finding(
            name="packing_ns_per_sample",
            value=packing_s * 1e9 / value_count if value_count else None,
            meaning="processor time to pack one",
        ),
    ]
