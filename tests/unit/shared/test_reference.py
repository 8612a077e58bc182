import hashlib
import json

import pytest

from mltest.shared.errors import ModelInvalidError
from mltest.shared.reference import ReferenceWork, reference_artifact, reference_work


def test_the_artifact_has_the_bytes_that_it_had_when_version_1_was_made() -> None:
    """Another digest begins a new series of every ratio to the reference: that needs another version."""
    assert hashlib.sha256(reference_artifact()).hexdigest() == DIGEST_OF_VERSION_1


def test_it_is_read_back() -> None:
    assert reference_work(reference_artifact()) == ReferenceWork()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"3",
        b"{",
        b"[" * 100_000,
        b'{"version": 2}',
        b'{"unknown": 1}',
        b'{"width": 0}',
        b'{"width": 1e9}',
        b'{"tree_depth": 40}',
        b'{"tree_count": 4097}',
        b'{"seed": -1}',
        b'{"row_count": true}',
        b'{"row_count": "9"}',
    ],
)
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ModelInvalidError):
        reference_work(content)


def test_other_sizes_are_taken() -> None:
    assert reference_work(json.dumps({"width": 8}).encode()).width == 8


DIGEST_OF_VERSION_1 = "67a508a36abb27a458007dc704203126fec6a9d44c55892697bc676586739832"
