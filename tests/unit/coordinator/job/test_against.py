"""Which candidates of an earlier job take part in another one."""

from dataclasses import replace

import pytest

from mltest.coordinator.job.against import check_fit, check_usable, earlier_candidates
from mltest.shared.domain import ModelInfo, Output, Task
from mltest.shared.errors import JobStateError, RequestInvalidError
from tests.unit.coordinator.evidence import MODEL, candidate
from tests.unit.coordinator.jobs_in_memory import FAST, NATIVE, REFERENCE, job_info

EARLIER = job_info("0123456789ab")


def test_candidates_are_told_from_those_of_the_new_job() -> None:
    (native, fast) = earlier_candidates(
        EARLIER, [NATIVE, FAST, REFERENCE], (), lambda sha256: True, allows_pickle=False
    )

    assert (fast.candidate_id, fast.label) == ("a-fast", "label of fast (012345)")
    assert (native.from_job_id, native.is_baseline) == (EARLIER.job_id, False)
    assert native.artifact_sha256 == NATIVE.artifact_sha256


def test_only_what_was_made_in_that_job_from_its_own_model_is_taken() -> None:
    impossible = candidate("broken", reason="it cannot be converted")
    taken_before = replace(FAST, candidate_id="a-fast", from_job_id="older")
    found = earlier_candidates(
        EARLIER, [NATIVE, impossible, taken_before, REFERENCE], (), lambda sha256: True, allows_pickle=False
    )

    assert [one.candidate_id for one in found] == ["a-native"]


def test_the_runtimes_of_the_plan_hold_for_earlier_candidates_too() -> None:
    found = earlier_candidates(EARLIER, [NATIVE, FAST], ("fast",), lambda sha256: True, allows_pickle=False)

    assert [one.runtime for one in found] == ["fast"]


def test_a_candidate_whose_bytes_are_gone_has_the_reason() -> None:
    (found,) = earlier_candidates(EARLIER, [FAST], (), lambda sha256: False, allows_pickle=False)

    assert not found.is_possible
    assert found.reason_code == "BLOB_UNKNOWN"
    assert "submit the model of job 0123456789ab again" in found.reason


def test_a_pickle_is_opened_only_where_it_is_allowed() -> None:
    pickle = replace(FAST, format="pickle")
    (refused,) = earlier_candidates(EARLIER, [pickle], (), lambda sha256: True, allows_pickle=False)
    (allowed,) = earlier_candidates(EARLIER, [pickle], (), lambda sha256: True, allows_pickle=True)

    assert (refused.is_possible, refused.reason_code) == (False, "MODEL_REFUSED")
    assert allowed.is_possible


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (replace(MODEL, feature_count=3), "number of features 64, here 3"),
        (replace(MODEL, task=Task.REGRESSION), "task classification, here regression"),
        (replace(MODEL, classes=("0", "1", "2")), "classes 0, 1, here 0, 1, 2"),
        (replace(MODEL, output=Output.LABELS), "output probabilities, here labels"),
    ],
)
def test_a_model_that_answers_another_question_is_refused(model: ModelInfo, words: str) -> None:
    with pytest.raises(RequestInvalidError, match=words):
        check_fit(EARLIER, model)


def test_a_model_that_answers_the_same_question_fits() -> None:
    check_fit(EARLIER, replace(MODEL, family="boosting", kind="Other", size_bytes=3))


def test_a_job_that_never_looked_at_its_model_has_nothing_to_take() -> None:
    with pytest.raises(JobStateError, match="nothing was made"):
        check_usable(replace(EARLIER, model=None))
