"""verify: that a call which answers wrongly is caught before anything is timed, also at one batch size only."""

from mltest.agent.selftest.bench import Bench
from mltest.agent.selftest.findings import Bar, Finding, share
from mltest.agent.selftest.local_rounds import VisitEvents, standard_latency
from mltest.agent.selftest.models import Model, candidate_of
from mltest.shared.domain import CallsVerified, VisitCandidate

BATCH_SIZES = (1, 16, 64)
ONLY_BATCH_SIZE = 16
MOST_DIFFERENCE = 1e-5
"""Of a float32 score between a batch and all rows at once; a shift of 1e-4 is beyond."""
_SUBJECTS = (("forest", "treelite", 1), ("forest", "onnxruntime", 1), ("logistic", "scikit-learn", 1))
_HARMS = {
    "flip": {"harm": "flip"},
    "flip-once": {"harm": "flip", "harm_batch_size": str(ONLY_BATCH_SIZE)},
    "shift": {"harm": "shift"},
    "shift-once": {"harm": "shift", "harm_batch_size": str(ONLY_BATCH_SIZE)},
}


async def verify(bench: Bench) -> list[Finding]:
    """Let calls answer wrongly for one row of 10,000, and see whether the pass before the timing says so."""
    subjects = bench.subjects(_SUBJECTS[:1] if bench.options.is_quick else _SUBJECTS)
    caught = wanted = blamed = honest = 0
    for model, _ in subjects:
        events = await bench.rounds.run(
            _candidates(bench, model),
            bench.sha256(bench.models.folder / "many.npz"),
            seed=0,
            latency=standard_latency(*BATCH_SIZES, slice_count=1),
            verifies_calls=True,
            collects_predictions=True,
        )
        for name in ("honest", *_HARMS):
            for batch_size in BATCH_SIZES:
                is_caught = differs(events, name, batch_size)
                if is_harmed(name, batch_size):
                    wanted, caught = wanted + 1, caught + is_caught
                else:
                    honest, blamed = honest + 1, blamed + is_caught
    harm = "1 flipped label or a shift of 1e-4 in one row of 10,000"
    return [
        share("harm_caught_ratio", caught, wanted, f"{harm}: caught at every batch size where it is", Bar(low=1)),
        share("harm_imagined_ratio", blamed, honest, "calls that answer rightly, and are blamed", Bar(high=0)),
    ]


def is_harmed(name: str, batch_size: int) -> bool:
    """Return whether the calls of a candidate answer wrongly at a batch size."""
    return name in _HARMS and (not name.endswith("-once") or batch_size == ONLY_BATCH_SIZE)


def differs(events: VisitEvents, candidate_id: str, batch_size: int) -> bool:
    """Return whether the calls of a candidate were found to answer differently at a batch size."""
    return any(
        call.differing_row_count > 0 or call.max_abs_difference > MOST_DIFFERENCE
        for event in events.of(CallsVerified)
        if event.candidate_id == candidate_id
        for call in event.calls
        if call.batch_size == batch_size
    )


def _candidates(bench: Bench, model: Model) -> list[VisitCandidate]:
    sha256 = bench.sha256(model.path)
    harmed = [candidate_of(model, sha256, name, slowed=options) for name, options in _HARMS.items()]
    return [candidate_of(model, sha256, "honest"), *harmed]
