"""Sequences of tokens as rows of data, and what a language model says of them; in the builder's child."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.shared.errors import DataInvalidError, DataMismatchError
from mltest.shared.native.predictions import Predictions

_MOST_SCORES = 1 << 26
"""Numbers of all predictions of one candidate: 512 MiB in float64."""


def read_tokens(path: Path, name: str) -> NDArray[np.float64]:
    """Return the tokens (sequences, length) of a text file: one sequence a line, whole numbers with spaces between.

    Raises:
        DataInvalidError: a line holds something else, or another number of tokens than the first.

    """
    try:
        lines = [line.split() for line in path.read_text("ascii").splitlines() if line.strip()]
        rows = [[int(token) for token in line] for line in lines]
    except (UnicodeDecodeError, ValueError) as error:
        raise DataInvalidError(detail=f"{name} holds more than numbers of tokens ({error})") from error
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        detail = f"{name} has lines of {min(lengths)} to {max(lengths)} tokens; cut them to one length"
        raise DataInvalidError(detail=detail)
    return np.array(rows, dtype=np.float64) if rows else np.zeros((0, 0))


def check_tokens(rows: NDArray[np.floating]) -> None:
    """Return if `rows` are sequences of tokens (DataMismatchError otherwise)."""
    if not (np.isfinite(rows).all() and (rows >= 0).all() and (rows == np.floor(rows)).all()):
        raise DataMismatchError(detail="the model takes tokens, and X holds values that are no whole numbers from 0 on")
    if rows.shape[1] < 2:
        raise DataMismatchError(detail="sequences of one token have none that follows; give X (sequences, length)")


def check_size(rows: NDArray[np.floating], of_one: Predictions) -> None:
    """Return if the scores of all rows can be kept (DataMismatchError otherwise)."""
    assert of_one.scores is not None
    count = of_one.scores.shape[1]
    if count % rows.shape[1]:
        raise DataMismatchError(detail=f"the model gives {count} scores for {rows.shape[1]} tokens")
    if count > _MOST_SCORES:
        raise DataMismatchError(detail=f"one sequence has {count:,} scores, {_MOST_SCORES:,} can be kept: shorten them")
    if count * len(rows) > _MOST_SCORES:
        detail = (
            f"{len(rows)} sequences have {count * len(rows):,} scores, {_MOST_SCORES:,} can be kept: "
            f"give at most {_MOST_SCORES // count:,} sequences (or let row_cap in [job] of the plan draw so many), "
            "or shorter ones"
        )
        raise DataMismatchError(detail=detail)
