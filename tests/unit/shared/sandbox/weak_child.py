"""The child of the trial on a kernel that lacks something: it switches off what variables name, then confines."""

import os

import pytest

from mltest.shared.children.child_side import serve
from mltest.shared.sandbox import confine, landlock
from mltest.shared.sandbox.trial_child import attempt

WITHOUT, VERSION = "MLTEST_TEST_WITHOUT", "MLTEST_TEST_LANDLOCK"


def _weaken() -> None:
    patch = pytest.MonkeyPatch()
    without = os.environ.get(WITHOUT, "").split(",")
    if "seccomp" in without:
        patch.setattr(confine, "confine_calls", lambda confinement, **_: False)
    if "namespaces" in without:
        patch.setattr(confine, "leave_shared_namespaces", lambda: False)
    if "landlock" in without:
        patch.setattr(confine, "confine_files", lambda grants: 0)
    if version := os.environ.get(VERSION):
        patch.setattr(landlock, "landlock_version", lambda: int(version))


if __name__ == "__main__":
    _weaken()
    serve({"attempt": attempt})
