"""Order of slices, batches of rows, and how samples travel."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mltest.agent.visit.sample_buffer import FLUSH_NS, SampleBuffer
from mltest.agent.visit.slice_order import Cell, slice_order, sweep_processors
from mltest.agent.worker.candidate_frame import candidate_from_frame, candidate_to_frame
from mltest.agent.worker.rows import batches_of, distinct_rows, load_rows
from mltest.agent.worker.sample_frame import samples_from_frame, samples_to_frame
from mltest.shared.children.frames import decode_frame, encode_frame
from mltest.shared.domain import Output, SampleSeries, Task, VisitCandidate
from mltest.shared.errors import DataInvalidError, DataMismatchError


def cells_of(candidates: int, sizes: Collection[int]) -> list[Cell]:
    return [
        Cell(index, metric, size) for index in range(candidates) for metric in ("latency_ns", "b_ns") for size in sizes
    ]


@given(st.integers(1, 6), st.sets(st.integers(1, 128), min_size=1, max_size=5), st.integers(1, 5), st.integers())
def test_each_sweep_has_every_cell_once(candidates: int, sizes: set[int], slices: int, seed: int) -> None:
    cells = cells_of(candidates, sizes)
    order = list(slice_order(cells, slices, seed))
    assert len(order) == slices * len(cells)
    for slice_index in range(slices):
        sweep = [cell for index, cell in order if index == slice_index]
        assert sorted(sweep, key=str) == sorted(cells, key=str)


@given(st.integers(1, 8), st.integers(1, 50), st.integers())
def test_each_processor_has_its_share_of_the_sweeps(count: int, slices: int, seed: int) -> None:
    found = sweep_processors(range(count), slices, seed)
    assert len(found) == slices
    shares = [found.count(processor) for processor in range(count)]
    assert max(shares) - min(shares) <= 1
    assert found == sweep_processors(range(count), slices, seed)


def test_the_order_is_that_of_its_seed() -> None:
    cells = cells_of(4, (1, 16))
    assert list(slice_order(cells, 8, seed=3)) == list(slice_order(cells, 8, seed=3))
    assert list(slice_order(cells, 8, seed=3)) != list(slice_order(cells, 8, seed=4))
    assert cells == cells_of(4, (1, 16))


def test_sweeps_differ_in_their_order() -> None:
    cells = cells_of(3, (1, 16))
    order = [cell for _, cell in slice_order(cells, 6, seed=0)]
    assert len({tuple(order[12 * index : 12 * index + 12]) for index in range(6)}) == 6


@given(st.integers(1, 40), st.integers(1, 100))
def test_batches_cover_all_rows_in_order_and_go_on_in_a_circle(row_count: int, batch_size: int) -> None:
    rows = np.arange(2 * row_count, dtype=np.float32).reshape(row_count, 2)
    batches = batches_of(rows, batch_size)
    assert all(batch.shape == (batch_size, 2) and batch.flags.c_contiguous for batch in batches)
    walked = np.concatenate(batches)
    assert np.array_equal(walked, rows[np.arange(len(walked)) % row_count])
    assert len(walked) >= row_count


def test_whole_batches_are_views() -> None:
    rows = np.zeros((128, 3))
    assert all(np.shares_memory(batch, rows) for batch in batches_of(rows, 16))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_distinct_rows_are_those_that_numpy_counts(pairs: list[tuple[int, int]]) -> None:
    rows = np.array(pairs, dtype=np.float64)
    _, counts = np.unique(rows, axis=0, return_counts=True)
    found = distinct_rows(rows)
    assert found.count == len(counts)
    assert found.effective == pytest.approx(1 / np.sum((counts / len(rows)) ** 2))


def test_copies_of_one_row_are_one_distinct_row() -> None:
    found = distinct_rows(np.asfortranarray(np.ones((10_000, 3), dtype=np.float32)))
    assert (found.count, found.effective) == (1, 1.0)


def test_copies_among_many_distinct_rows_do_not_hide() -> None:
    rows = np.ones((10_000, 2))
    rows[:600, 0] = np.arange(600)
    found = distinct_rows(rows)
    assert found.count == 600
    assert found.effective < 2


def test_zeros_of_both_signs_are_the_same_row() -> None:
    assert distinct_rows(np.array([[0.0], [-0.0]])).count == 1


def test_rows_are_read_from_an_npz(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, X=np.ones((3, 2)))
    assert load_rows(path, 2).shape == (3, 2)
    with pytest.raises(DataMismatchError):
        load_rows(path, 3)


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_samples_survive_the_way_from_worker_to_agent(values: list[int]) -> None:
    frame = decode_frame(encode_frame(samples_to_frame(values)))
    assert samples_from_frame(frame) == tuple(values)


def test_usual_samples_take_four_bytes_each() -> None:
    assert samples_to_frame([1, 2**32 - 1])["width"] == 4
    assert samples_to_frame([1, 2**32])["width"] == 8


def test_a_candidate_survives_the_way_from_agent_to_worker() -> None:
    candidate = VisitCandidate(
        candidate_id="a",
        runtime="onnxruntime",
        format="onnx",
        artifact_sha256="0" * 64,
        task=Task.CLASSIFICATION,
        output=Output.PROBABILITIES,
        feature_count=4,
        classes=("x", "y"),
        input_dtype="float32",
        options={"a": "b"},
    )
    assert candidate_from_frame(decode_frame(encode_frame(candidate_to_frame(candidate)))) == candidate


def test_samples_are_passed_on_once_a_second() -> None:
    buffer = SampleBuffer(now_ns=0)
    series = SampleSeries(candidate_id="a", metric="latency_ns", started_monotonic_ns=0, values=(1, 2, 3))
    assert not buffer.is_due(FLUSH_NS)
    buffer.add([series])
    assert not buffer.is_due(FLUSH_NS - 1)
    assert buffer.is_due(FLUSH_NS)
    batch = buffer.take(FLUSH_NS)
    assert batch is not None
    assert batch.series == (series,)
    assert buffer.take(FLUSH_NS) is None
    assert (buffer.series_count, buffer.value_count) == (1, 3)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x80\x04."])
def test_what_is_not_a_dataset_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    with pytest.raises(DataInvalidError):
        load_rows(path, 2)


@pytest.mark.parametrize("rows", [np.ones(3), np.ones((0, 2)), np.ones((2, 2), dtype=np.int64)])
def test_what_are_not_rows_of_real_numbers_is_refused(rows: NDArray[np.generic], tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=rows)
    with pytest.raises(DataInvalidError):
        load_rows(tmp_path / "data.npz", 2)
