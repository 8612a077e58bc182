import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mltest.agent.native import native_form as module
from mltest.agent.native.compile import compiled_loop
from mltest.agent.native.native_form import NativeForm, native_form
from mltest.agent.native.timed_loop import NativeCall, load_library
from mltest.shared.errors import CallAbsentError


class DoublingCalls:
    """A runtime in Python whose native call writes the doubled batch; it notes which batches were bound."""

    bound: list[int]

    def __init__(self, batches: Sequence[NDArray[np.floating]], status: int = 0) -> None:
        self.output: NDArray[Any] = np.zeros_like(batches[0])
        self.context = ctypes.c_void_p(None)
        self._batches = batches
        self._status = status
        self.call = NativeCall(self._call)

    def failure(self) -> str:
        return "no memory"

    def _call(self, context: int | None, index: int) -> int:
        self.output[:] = 2 * self._batches[index]
        return self._status


def copied(output: object, row_count: int) -> NDArray[np.generic]:
    return np.array(output)


def batches(count: int, size: int = 2) -> list[NDArray[np.floating]]:
    rows = np.arange(count * size * 3, dtype=np.float64).reshape(-1, 3)
    return [rows[start : start + size] for start in range(0, count * size, size)]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return load_library(compiled_loop(tmp_path_factory.mktemp("loop")))


def test_answers_come_with_their_first_row_and_are_kept(library: ctypes.CDLL) -> None:
    given = batches(5)
    found = list(NativeForm(library, DoublingCalls, given, copied).answers())
    assert [first for first, _ in found] == [0, 2, 4, 6, 8]
    for (_, answer), batch in zip(found, given, strict=True):
        np.testing.assert_array_equal(answer, 2 * batch)


def test_every_row_is_answered_also_where_not_all_can_be_bound_at_once(
    library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BOUND", 4)
    given = batches(11)
    sizes: list[int] = []

    def bind(chunk: Sequence[NDArray[np.floating]]) -> DoublingCalls:
        sizes.append(len(chunk))
        return DoublingCalls(chunk)

    found = list(NativeForm(library, bind, given, copied).answers())
    assert sizes == [4, 4, 3]
    assert [first for first, _ in found] == list(range(0, 22, 2))
    np.testing.assert_array_equal(np.concatenate([answer for _, answer in found]), 2 * np.concatenate(given))


def test_it_warms_up_and_is_timed(library: ctypes.CDLL) -> None:
    form = NativeForm(library, DoublingCalls, batches(3), copied)
    assert form.warm(1_000_000).call_ns > 0
    assert 1 <= len(form.timed(1_000_000, 7).values_ns) <= 7


def test_a_runtime_whose_first_call_fails_has_no_native_form(library: ctypes.CDLL) -> None:
    with pytest.raises(CallAbsentError, match="no memory"):
        NativeForm(library, lambda chunk: DoublingCalls(chunk, status=1), batches(3), copied)


def test_a_model_without_native_calls_is_refused_before_anything_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CallAbsentError, match="no C interface"):
        native_form(object(), batches(1), Path)  # type: ignore[arg-type]  # a model that can nothing
    assert list(tmp_path.iterdir()) == []
