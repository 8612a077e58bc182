"""What the model was trained with, where that is given; runs in the builder's child."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.dataset import read_data
from mltest.coordinator.builder.inspection import in_model_order, known_truth
from mltest.coordinator.builder.opened_model import OpenedModel
from mltest.shared.domain import JobSpec
from mltest.shared.errors import DataInvalidError


def training_of(
    spec: JobSpec, paths: Sequence[Path], model: OpenedModel
) -> tuple[NDArray[np.floating], NDArray[np.generic]]:
    """Return rows and true values of the training data, as the model knows them.

    Raises:
        DataInvalidError, DataMismatchError: what is wrong with them.

    """
    data = read_data([file.name for file in spec.training], paths, spec.target)
    ordered, _ = in_model_order(data, model)
    truth = known_truth(ordered.truth, model.info)
    if truth is None:
        raise DataInvalidError(detail="the training data have no true values", next_step="save them with y")
    return ordered.rows, truth
