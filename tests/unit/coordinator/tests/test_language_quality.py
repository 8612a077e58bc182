"""Language models: their figures by hand, and a real one from its file to the figures."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mltest.coordinator.builder.dataset import RawData, read_data
from mltest.coordinator.builder.evidence import PredictionEvidence
from mltest.coordinator.builder.inspection import inspection_of
from mltest.coordinator.builder.opened_model import opened_graph
from mltest.coordinator.builder.opened_program import opened_program
from mltest.coordinator.tests.language import LanguageQuality
from mltest.shared.domain import Task
from mltest.shared.errors import DataInvalidError, DataMismatchError, ModelUnsupportedError
from mltest.shared.native.torch_module import BUILDER_REMEDY
from tests.unit.coordinator.examined import only, value_of

TEXT = "the quick brown fox jumps over the lazy dog and the dog sleeps while the fox runs over the hill and jumps " * 12
LETTERS = sorted(set(TEXT))
TOKENS = np.array([LETTERS.index(letter) for letter in TEXT])


def bigram() -> NDArray[np.float64]:
    """Return how likely each letter follows each (letters, letters), by the first half of the text, plus one."""
    counts = np.ones((len(LETTERS), len(LETTERS)))
    half = TOKENS[: len(TOKENS) // 2]
    np.add.at(counts, (half[:-1], half[1:]), 1)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def graph(table: NDArray[np.float64]) -> bytes:
    """Return a bigram model as a graph: the row of the table that the token names, times one."""
    width = len(table)
    nodes = [
        helper.make_node("Gather", ["table", "tokens"], ["rows"]),
        helper.make_node("MatMul", ["rows", "one"], ["scores"]),
    ]
    made = helper.make_graph(
        nodes,
        "bigram",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["sequences", "length"])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["sequences", "length", width])],
        [
            numpy_helper.from_array(table.astype(np.float32), "table"),
            numpy_helper.from_array(np.eye(width, dtype=np.float32), "one"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def judged(content: bytes, rows: NDArray[np.floating], folder: Path) -> PredictionEvidence:
    path = folder / "model.onnx"
    path.write_bytes(content)
    opened = opened_graph(path, RawData(rows=rows, truth=None))
    said = opened.predict(rows)
    return PredictionEvidence(
        candidate_id="c", agent_id="a", model=opened.info, rows=rows, truth=None, reference=said, predictions=said
    )


def test_figures_of_a_table_are_those_by_hand(tmp_path: Path) -> None:
    # 0 is followed by 0 with 1/2, by 1 with 1/4; 1 by 2 with 3/4: the likelihood of 0 0 1 2 is 1/2 * 1/4 * 3/4.
    table = np.array([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75], [0.2, 0.3, 0.5]])
    rows = np.array([[0.0, 0, 1, 2]])
    found = LanguageQuality().results(judged(graph(np.log(table)), rows, tmp_path))
    assert value_of(list(found), "perplexity") == pytest.approx((0.5 * 0.25 * 0.75) ** (-1 / 3), rel=1e-6)
    assert value_of(list(found), "bits_per_token") == pytest.approx((1 + 2 - np.log2(0.75)) / 3, rel=1e-6)
    # After 0 it holds 0 for most likely (right, then wrong), after 1 it holds 2 (right).
    assert value_of(list(found), "token_accuracy") == pytest.approx(2 / 3)


def test_logits_and_probabilities_have_the_same_figures(tmp_path: Path) -> None:
    table, rows = bigram(), TOKENS[: 24 * 20].reshape(24, 20).astype(np.float64)
    figures = [
        [one.value for one in LanguageQuality(resamples=0).results(judged(graph(given), rows, tmp_path))]
        for given in (np.log(table) + 7, table)
    ]
    assert figures[0] == pytest.approx(figures[1], rel=1e-5)


def test_a_model_that_was_fitted_is_better_on_text_that_it_has_not_seen_than_one_that_knows_nothing(
    tmp_path: Path,
) -> None:
    held_out = TOKENS[len(TOKENS) // 2 :]
    rows = held_out[: len(held_out) // 20 * 20].reshape(-1, 20).astype(np.float64)
    evidence = judged(graph(np.log(bigram())), rows, tmp_path)
    assert evidence.model.family == "language model"
    assert evidence.model.task is Task.REGRESSION
    found = only(list(LanguageQuality().results(evidence)), "perplexity")
    by_hand = np.exp(-np.log(bigram()[rows[:, :-1].astype(int), rows[:, 1:].astype(int)]).mean())
    assert found.value == pytest.approx(by_hand, rel=1e-5)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high < len(LETTERS)
    blind = LanguageQuality().results(judged(graph(np.zeros((len(LETTERS),) * 2)), rows, tmp_path))
    assert value_of(list(blind), "perplexity") == pytest.approx(len(LETTERS))


@pytest.mark.skipif(find_spec("torch") is None, reason=BUILDER_REMEDY)
def test_an_exported_program_has_the_figures_of_the_same_table_as_a_graph(tmp_path: Path) -> None:
    rows = TOKENS[: 24 * 20].reshape(24, 20).astype(np.float64)
    path = tmp_path / "bigram.pt2"
    write_program(path, np.log(bigram()), length=20)
    opened = opened_program(path, RawData(rows=rows, truth=None))
    assert (opened.info.family, opened.info.task) == ("language model", Task.REGRESSION)
    said = opened.predict(rows)
    evidence = PredictionEvidence(
        candidate_id="c", agent_id="a", model=opened.info, rows=rows, truth=None, reference=said, predictions=said
    )
    figures = [
        [one.value for one in LanguageQuality(resamples=0).results(found)]
        for found in (evidence, judged(graph(np.log(bigram())), rows, tmp_path))
    ]
    assert figures[0] == pytest.approx(figures[1], rel=1e-6)
    with pytest.raises(DataMismatchError, match="whole numbers"):
        opened_program(path, RawData(rows=rows + 0.5, truth=None))
    with pytest.raises(DataMismatchError, match="takes 20 features"):
        opened_program(path, RawData(rows=rows[:, :10], truth=None))


@pytest.mark.skipif(find_spec("torch") is None, reason=BUILDER_REMEDY)
def test_a_program_that_tells_one_number_of_tokens_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mean.pt2"
    write_program(path, bigram(), length=20, is_mean=True)
    with pytest.raises(ModelUnsupportedError, match=r"scores \(sequences, length, vocabulary\)"):
        opened_program(path, RawData(rows=np.zeros((2, 20)), truth=None))


def write_program(path: Path, table: NDArray[np.float64], *, length: int, is_mean: bool = False) -> None:
    """Write a bigram model as a program: the row of the table that the token names, or the mean of all of them."""
    import torch

    class Bigram(torch.nn.Module):  # type: ignore[misc]  # its types are not looked at
        def __init__(self) -> None:
            super().__init__()
            self.rows = torch.nn.Embedding.from_pretrained(torch.from_numpy(table.astype(np.float32)))

        def forward(self, tokens: Any) -> Any:
            return self.rows(tokens).mean(dim=1) if is_mean else self.rows(tokens)

    given = (torch.zeros((2, length), dtype=torch.int64),)
    program = torch.export.export(Bigram().eval(), given, dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    torch.export.save(program, path)


def test_tokens_are_read_from_text_and_from_arrays(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 1 2\n\n2 1 0\n")
    np.save(tmp_path / "a.npy", np.array([[0, 1, 2], [2, 1, 0]]))
    for name in ("a.txt", "a.npy"):
        assert read_data([name], [tmp_path / name], "").rows.tolist() == [[0, 1, 2], [2, 1, 0]]


@pytest.mark.parametrize(
    ("text", "said"), [("1 2\n3\n", "1 to 2 tokens"), ("a b\n", "more than numbers"), ("", "empty")]
)
def test_text_that_holds_no_tokens_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(DataInvalidError, match=said):
        read_data(["a.txt"], [tmp_path / "a.txt"], "")


@pytest.mark.parametrize(
    ("rows", "said"),
    [([[0.5, 1.0]], "whole numbers"), ([[1.0]], "none that follows"), ([[-1.0, 1.0]], "whole numbers")],
)
def test_rows_that_are_no_tokens_are_refused(rows: list[list[float]], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataMismatchError, match=said):
        judged(graph(bigram()), np.array(rows), tmp_path)


def test_more_scores_than_can_be_kept_are_refused_with_the_number_that_can_unless_so_many_are_drawn(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(bigram()))
    data = RawData(rows=np.zeros((200_000, 30)), truth=None)
    opened = opened_graph(path, data)
    most = (1 << 26) // (30 * len(LETTERS))
    with pytest.raises(DataMismatchError, match=f"give at most {most:,} sequences.*row_cap"):
        inspection_of(opened, data, row_cap=most + 1, seed=0, folder=tmp_path)
    assert inspection_of(opened, data, row_cap=50, seed=0, folder=tmp_path).dataset.row_count == 50
