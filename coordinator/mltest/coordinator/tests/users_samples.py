"""What a sample test of a user says: it works in the coordinator itself, and must not end the job of which it is."""

import traceback
from collections.abc import Sequence

from mltest.coordinator.tests.broken import broken_because
from mltest.coordinator.tests.kept import kept_results
from mltest.coordinator.tests.registry import is_own
from mltest.coordinator.tests.role import SampleEvidence, SampleTest
from mltest.shared.domain import Result


def sample_results(test: SampleTest, evidence: SampleEvidence) -> Sequence[Result]:
    """Return the results of `test`; where it is a user's and breaks, how and where."""
    if is_own(type(test)):
        return test.results(evidence)
    names = {"candidate_id": evidence.candidate_id, "agent_id": evidence.agent_id}
    try:
        return kept_results(test.name, test.results(evidence), **names)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"at {place.filename.rsplit('/', 1)[-1]}:{place.lineno} in {place.name}"
        return [broken_because(test.name, f"{type(error).__name__}: {error}, {where}", **names)]
