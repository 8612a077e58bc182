"""Corrupted images, held against other libraries and against what can be worked out by hand."""

import colorsys
from dataclasses import replace
from importlib.util import find_spec
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter  # type: ignore[import-untyped]  # it has no types
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression, Ridge

from mltest.coordinator.builder.dataset import read_data
from mltest.coordinator.builder.inspection import inspection_of
from mltest.coordinator.builder.judging.disturbance.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.opened_model import opened_estimator
from mltest.coordinator.builder.yardstick import read_yardstick
from mltest.coordinator.tests.image_corruption import ImageCorruption
from mltest.shared.errors import DataInvalidError
from mltest.shared.native.outputs import describe_estimator
from mltest.shared.native.predictions import Predictions
from tests.unit.coordinator.examined import evidence_of, only, value_of
from tests.unit.coordinator.networks import convolutional, graph_evidence

Floats = NDArray[np.float64]
IMAGES = np.random.default_rng(0).random((6, 3, 12, 10))
LARGE = np.random.default_rng(1).random((1, 1, 80, 70))
ROWS, TRUTH = load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def digits() -> ModelEvidence:
    model = LogisticRegression(max_iter=200, tol=0.01).fit(ROWS[:1000] / 16, TRUTH[:1000])
    return evidence_of(model, ROWS[1000:1300] / 16, TRUTH[1000:1300])


def done(name: str, images: Floats = IMAGES, severity: int = 3) -> Floats:
    return corrupted(name, images, severity, np.random.default_rng(0))


@pytest.mark.parametrize(("images", "severity", "deviation"), [(IMAGES, 5, 1.0), (IMAGES, 1, 0.4), (LARGE, 2, 2.0)])
def test_a_blur_is_that_of_scipy_with_the_published_deviation(images: Floats, severity: int, deviation: float) -> None:
    expected = gaussian_filter(images, (0, 0, deviation, deviation), mode="nearest", truncate=4.0)
    assert done("gaussian blur", images, severity) == pytest.approx(expected, abs=1e-12)


def test_a_box_of_whole_pixels_is_that_of_scipy_and_one_of_parts_as_wide_as_the_blur() -> None:
    box, _, _ = CORRUPTIONS["box blur"]
    found = box(IMAGES, sqrt(8 / 12), np.random.default_rng(0))
    assert found == pytest.approx(uniform_filter(IMAGES, (0, 0, 3, 3), mode="nearest"), abs=1e-12)
    point = np.zeros((1, 1, 21, 1))
    point[0, 0, 10] = 1
    spread = (box(point, 1.0, np.random.default_rng(0)).ravel() * (np.arange(21) - 10.0) ** 2).sum()
    assert spread == pytest.approx(1.0)


def test_brightness_is_the_value_of_hsv() -> None:
    found = done("brightness")
    for image, row, column in np.ndindex(6, 12, 10):
        hue, saturation, value = colorsys.rgb_to_hsv(*IMAGES[image, :, row, column].tolist())
        expected = colorsys.hsv_to_rgb(hue, saturation, min(value + 0.15, 1.0))
        assert found[image, :, row, column] == pytest.approx(expected)
    black = np.zeros((1, 1, 2, 2))
    assert (done("brightness", black) == 0.15).all()


def test_contrast_and_pixels_are_those_by_hand() -> None:
    image = np.array([0.0, 0.2, 0.4, 0.6]).reshape(1, 1, 1, 4)
    assert done("contrast", image).ravel() == pytest.approx([0.18, 0.26, 0.34, 0.42])
    # Of four pixels int(4 * 0.65) = 2 are left: means of two each, and back.
    assert done("pixelate", image, 5).ravel() == pytest.approx([0.1, 0.1, 0.5, 0.5])


@pytest.mark.skipif(find_spec("PIL") is None, reason="pip install pillow")
@pytest.mark.parametrize("severity", SEVERITIES)
def test_pixels_are_those_of_pillow(severity: int) -> None:
    from PIL import Image

    found = done("pixelate", LARGE, severity)
    share = (0.6, 0.5, 0.4, 0.3, 0.25)[severity - 1]
    image = Image.fromarray(LARGE[0, 0].astype(np.float32))
    small = image.resize((int(70 * share), int(80 * share)), Image.Resampling.BOX)
    assert found[0, 0] == pytest.approx(np.asarray(small.resize((70, 80), Image.Resampling.BOX)), abs=1e-5)


def test_noise_has_the_published_size() -> None:
    grey = np.full((40, 1, 32, 32), 0.5)
    # 40,960 values: three standard errors of the deviation are 1 % of it.
    assert (done("gaussian noise", grey, 2) - grey).std() == pytest.approx(0.06, rel=0.02)
    assert done("shot noise", grey, 5).std() == pytest.approx(sqrt(0.5 / 50), rel=0.02)
    assert done("shot noise", grey, 5).mean() == pytest.approx(0.5, abs=0.002)
    hit = done("impulse noise", grey, 5)
    assert (hit == 0).mean() == pytest.approx(0.035, abs=0.003)
    assert (hit == 1).mean() == pytest.approx(0.035, abs=0.003)
    assert set(np.unique(hit).tolist()) == {0.0, 0.5, 1.0}


def test_a_translation_moves_whole_pixels_and_goes_on_with_the_edge() -> None:
    many = np.repeat(IMAGES[:1], 40, axis=0)
    # 12 % of 12 and of 10 pixels are two.
    moves = {
        "up": np.concatenate([IMAGES[0, :, 2:], IMAGES[0, :, -1:], IMAGES[0, :, -1:]], axis=1),
        "down": np.concatenate([IMAGES[0, :, :1], IMAGES[0, :, :1], IMAGES[0, :, :-2]], axis=1),
        "left": np.concatenate([IMAGES[0, :, :, 2:], IMAGES[0, :, :, -1:], IMAGES[0, :, :, -1:]], axis=2),
        "right": np.concatenate([IMAGES[0, :, :, :1], IMAGES[0, :, :, :1], IMAGES[0, :, :, :-2]], axis=2),
    }
    found = [[side for side, move in moves.items() if np.array_equal(one, move)] for one in done("translation", many)]
    assert {one for sides in found for one in sides} == set(moves)
    assert all(len(sides) == 1 for sides in found)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_changes_more_with_severity_and_stays_within_the_range(name: str) -> None:
    for images in (IMAGES, LARGE):
        changes = [np.abs(done(name, images, severity) - images).mean() for severity in SEVERITIES]
        assert 0 < changes[0] < changes[-1]
        for severity in SEVERITIES:
            found = done(name, images, severity)
            assert found.min() >= 0
            assert found.max() <= 1


def test_flat_rows_are_images_where_the_plan_says_so_and_the_mean_error_is_that_of_the_curves(
    digits: ModelEvidence,
) -> None:
    asked: list[NDArray[np.floating]] = []

    def predict(rows: NDArray[np.floating]) -> Predictions:
        asked.append(rows)
        return digits.predict(rows)

    results = list(ImageCorruption(image_shape=(8, 8)).examine(replace(digits, predict=predict)))
    accuracies = [one for one in results if one.metric == "corruption_accuracy"]
    assert len(accuracies) == len(CORRUPTIONS) * 5
    error = only(results, "corruption_error", statistic="mean")
    assert error.value == pytest.approx(np.mean([1 - (one.value or 0) for one in accuracies]))
    assert error.low is not None
    assert error.high is not None
    assert 0 <= error.low < (error.value or 0) < error.high <= 1
    assert digits.truth is not None
    clean = np.mean(digits.reference.labels != digits.truth)
    assert value_of(results, "corruption_error_change") == pytest.approx((error.value or 0) - clean)
    for name in ("gaussian noise", "translation"):
        first, last = (value_of(results, "corruption_agreement", label=f"{name} {severity}") for severity in (1, 5))
        assert 1 > first > last, name
    assert value_of(results, "corruption_agreement", label="gaussian noise 1") > 0.95
    assert min(rows.min() for rows in asked) == digits.rows.min()
    assert max(rows.max() for rows in asked) == digits.rows.max()
    assert all(rows.dtype == digits.rows.dtype for rows in asked)


def test_the_shape_may_come_from_the_file_of_the_data(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=ROWS[:50].reshape(-1, 1, 8, 8), y=TRUTH[:50])
    data = read_data(["a.npz"], [tmp_path / "a.npz"], "")
    assert data.rows.shape == (50, 64)
    model = LogisticRegression(max_iter=20, tol=1).fit(ROWS, TRUTH)
    opened = opened_estimator(describe_estimator(model), (), file_format="skops", size_bytes=1)
    found = inspection_of(opened, data, row_cap=20, seed=0, folder=tmp_path)
    yardstick = read_yardstick(found.model, dataset=found.dataset_path, reference=found.reference_path)
    assert yardstick.row_shape == (1, 8, 8)
    evidence = replace(evidence_of(model, yardstick.rows, yardstick.truth), row_shape=yardstick.row_shape)
    assert value_of(list(ImageCorruption().examine(evidence)), "corruption_accuracy", label="contrast 1") > 0.5
    with pytest.raises(DataInvalidError, match="height"):
        np.save(tmp_path / "b.npy", np.zeros((2, 2, 2, 2, 2)))
        read_data(["b.npy"], [tmp_path / "b.npy"], "")


def test_the_shape_may_come_from_the_model(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 64))
    results = list(
        ImageCorruption().examine(graph_evidence(convolutional(np.random.default_rng(0)), rows, None, tmp_path))
    )
    assert value_of(results, "corruption_error", statistic="mean") > 0
    # What it says of clean rows was taken for right.
    assert value_of(results, "corruption_agreement", label="pixelate 5") == value_of(
        results, "corruption_accuracy", label="pixelate 5"
    )


def test_rows_that_are_no_images_have_a_reason_that_says_what_to_do() -> None:
    rows, kinds = load_iris(return_X_y=True)
    evidence = evidence_of(LogisticRegression(max_iter=500).fit(rows, kinds), rows, kinds)
    (found,) = ImageCorruption().examine(evidence)
    assert "not image-shaped" in found.reason
    assert "image_shape = [height, width]" in found.reason
    (found,) = ImageCorruption(image_shape=(8, 8)).examine(evidence)
    assert found.reason == "image_shape [8, 8] has 64 values, and a row has 4"
    (found,) = ImageCorruption(image_shape=(2, 2)).examine(replace(evidence, rows=np.full((5, 4), 3.0)))
    assert "same value" in found.reason
    with pytest.raises(ValueError, match="image_shape"):
        ImageCorruption(image_shape=(64,))


def test_corruptions_that_the_budget_does_not_reach_are_counted_and_leave_no_mean(digits: ModelEvidence) -> None:
    late = replace(digits, started_s=-1e9)
    results = list(ImageCorruption(image_shape=(8, 8), budget_s=1).examine(late))
    assert "45 corruptions were not reached" in only(results, "corruption_accuracy").reason
    assert only(results, "corruption_error").value is None


def test_values_have_a_coefficient_of_determination() -> None:
    model = Ridge().fit(ROWS, TRUTH)
    results = list(ImageCorruption(image_shape=(8, 8), rows=200).examine(evidence_of(model, ROWS, TRUTH.astype(float))))
    curve = [value_of(results, "corruption_r2", label=f"gaussian noise {severity}") for severity in (1, 5)]
    assert 1 > curve[0] > curve[1]
    assert not [one for one in results if one.metric in ("corruption_error", "corruption_agreement")]
