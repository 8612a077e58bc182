"""The pinned reference: one candidate that is the same in every job, the common measure of jobs of different days."""

from mltest.shared.domain import Candidate
from mltest.shared.reference import REFERENCE_FORMAT, REFERENCE_RUNTIME, reference_artifact

REFERENCE_ID = "reference"


def reference_candidate(artifact_sha256: str) -> Candidate:
    """Return the pinned reference, whose artifact is in the blob store as `artifact_sha256`."""
    return Candidate(
        candidate_id=REFERENCE_ID,
        label="reference",
        runtime=REFERENCE_RUNTIME,
        format=REFERENCE_FORMAT,
        artifact_sha256=artifact_sha256,
        artifact_bytes=len(reference_artifact()),
        threads=1,
        input_dtype="float64",
        is_reference=True,
    )
