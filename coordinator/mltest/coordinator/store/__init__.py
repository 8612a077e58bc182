"""What a coordinator remembers: one SQLite file, synchronous; the engine calls it through one thread."""

from mltest.coordinator.store.artifacts import ArtifactCache, CachedArtifact
from mltest.coordinator.store.jobs import InspectedFiles
from mltest.coordinator.store.outcomes import (
    CandidateOutcome,
    StoredPrediction,
    StoredRemarks,
    StoredVerification,
    TriedEnd,
)
from mltest.coordinator.store.store import Store
from mltest.coordinator.store.visits import StoredAttempt, StoredEnergyAbsent, StoredMachineState, StoredVisit

__all__ = [
    "ArtifactCache",
    "CachedArtifact",
    "CandidateOutcome",
    "InspectedFiles",
    "Store",
    "StoredAttempt",
    "StoredEnergyAbsent",
    "StoredMachineState",
    "StoredPrediction",
    "StoredRemarks",
    "StoredVerification",
    "StoredVisit",
    "TriedEnd",
]
