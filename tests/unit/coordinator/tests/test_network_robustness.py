"""Attacks on networks and proofs about them, held against each other, against closed forms and against the models."""

import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.linear_radius import exact_radii
from mltest.coordinator.builder.model_evidence import ModelEvidence
from mltest.coordinator.builder.networks.ball import domain_of
from mltest.coordinator.builder.networks.boundary_attack import fab_t
from mltest.coordinator.builder.networks.bounds import Box, least_margins
from mltest.coordinator.builder.networks.ensemble import Effort, Ensemble, untouched
from mltest.coordinator.builder.networks.gradient_attacks import Target, apgd_ce, apgd_t, pgd
from mltest.coordinator.builder.networks.losses import margins
from mltest.coordinator.builder.networks.read_graph import graph_program
from mltest.coordinator.builder.networks.white_box import read_program, white_box
from mltest.coordinator.tests.network_robustness import NetworkAttack, NetworkBound
from mltest.shared.native.predictions import Predictions
from tests.unit.coordinator.examined import evidence_of, only, value_of
from tests.unit.coordinator.networks import Floats, Graph, convolutional, graph_evidence, perceptron

HAS_ATTACKS = find_spec("torch") is not None and find_spec("pyautoattack") is not None
EFFORT = Effort(steps=30, restarts=2, aims=9, queries=100, seed=0)


def always() -> bool:
    return True


@pytest.fixture(scope="module")
def digits() -> ModelEvidence:
    rows, truth = load_digits(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((32,), max_iter=30, random_state=0).fit(rows[:1200] / 16, truth[:1200])
    return evidence_of(model, rows[1200:1300] / 16, truth[1200:1300])


def test_proven_is_not_above_the_ensemble_nor_that_above_pgd_nor_that_above_clean(digits: ModelEvidence) -> None:
    attacked = list(NetworkAttack(ranges="image", queries=50, aims=3).examine(digits))
    proven = list(NetworkBound(ranges="image", rows=100).examine(replace(digits, started_s=digits.started_s + 60)))
    spread = []
    for radius in (0.01, 0.02, 0.05, 0.1):
        label = f"radius {radius:g}"
        least = value_of(proven, "robust_accuracy", label=label)
        most = value_of(attacked, "robust_accuracy", label=label, statistic="at most")
        by_pgd = value_of(attacked, "robust_accuracy", label=label, statistic="pgd")
        assert least <= most <= by_pgd <= 1
        clean = value_of(attacked, "adversarial_accuracy", label="radius 0")
        assert value_of(attacked, "adversarial_accuracy", label=label) == pytest.approx(most * clean)
        spread.append(most)
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] < 0.5 < spread[0]


def test_attacks_without_step_size_alone_are_at_most_a_row_in_fifty_behind_pgd(digits: ModelEvidence) -> None:
    target = target_of(digits, 0.08)
    random = np.random.default_rng(0)
    plain = [pgd(target, steps=40, random=random, has_time=always).margins < 0 for _ in range(5)]
    own = [
        apgd_ce(target, steps=40, random=random, has_time=always).margins < 0,
        apgd_t(target, aims=9, steps=40, random=random, has_time=always).margins < 0,
    ]
    assert 0.2 < np.any(own, axis=0).mean() < 0.95
    assert np.any(own, axis=0).mean() >= np.any(plain, axis=0).mean() - 0.02


@pytest.mark.skipif(not HAS_ATTACKS, reason="pip install pyautoattack==0.2.0 'mltest-fleet[builder-torch]'")
def test_the_ensemble_breaks_as_many_rows_as_the_authors_own(digits: ModelEvidence) -> None:
    import torch
    from pyautoattack import AutoAttack

    target = target_of(digits, 0.08)
    assert digits.native is not None
    layers: list[Any] = []
    for weights, bias in zip(digits.native.estimator.coefs_, digits.native.estimator.intercepts_, strict=True):
        layer = torch.nn.Linear(*weights.shape)
        layer.weight.data, layer.bias.data = torch.tensor(weights.T).float(), torch.tensor(bias).float()
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).eval()
    attacks = ["apgd-ce", "apgd-t", "fab-t"]
    theirs = AutoAttack(model, attacks=attacks, norm="Linf", eps=0.08, version="custom", seed=0)
    rows, labels = torch.tensor(target.ball.centres).float(), torch.tensor(target.labels)
    points, *_ = theirs.run_standard_evaluation(rows, labels, batch_size=100)
    with torch.no_grad():
        their_share = float((model(points).argmax(dim=1) == labels).float().mean())
    ours = [
        attack(target, steps=50, random=np.random.default_rng(0), has_time=always, **more).margins < 0
        for attack, more in ((apgd_ce, {}), (apgd_t, {"aims": 9}), (fab_t, {"aims": 9}))
    ]
    assert 1 - np.any(ours, axis=0).mean() == pytest.approx(their_share, abs=0.02)


def test_what_looks_for_the_smallest_change_alone_is_close_behind_pgd_and_finds_points_of_the_boxes(
    digits: ModelEvidence,
) -> None:
    target = target_of(digits, 0.08)
    plain = [pgd(target, steps=40, random=np.random.default_rng(one), has_time=always).margins < 0 for one in range(5)]
    found = fab_t(target, aims=9, steps=40, random=np.random.default_rng(0), has_time=always)
    broken = found.margins < 0
    assert broken.mean() >= np.any(plain, axis=0).mean() - 0.05
    ball, points = target.ball, found.points
    assert np.abs(points - ball.inside(points)).max() < 1e-9
    assert target.network is not None
    assert (margins(target.network.scores(points[broken]), target.labels[broken]) < 0).all()
    spent = fab_t(target, aims=9, steps=40, random=np.random.default_rng(0), has_time=lambda: False)
    assert not spent.is_finished


def target_of(evidence: ModelEvidence, radius: float) -> Target:
    """Return the rows with the right label, as pixels."""
    network = white_box(evidence).network
    assert network is not None
    assert evidence.truth is not None
    assert evidence.reference.labels is not None
    right = evidence.reference.labels == evidence.truth
    ball = domain_of(evidence.rows, is_image=True).ball(evidence.rows[right].astype(np.float64), radius)
    return Target(network, ball, evidence.truth[right].astype(np.int64))


def test_without_a_bend_the_proof_is_the_closed_form_and_attacks_succeed_just_behind_it() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(60, 5))
    truth = (rows @ random.normal(size=(5, 3))).argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make_pipeline(StandardScaler(), MLPClassifier((4,), activation="identity", max_iter=20, random_state=0))
        model.fit(rows, truth)
    evidence = evidence_of(model, rows, truth)
    program = read_program(evidence)
    base = program.scores(np.zeros((1, 5)))[0]
    slopes = (program.scores(np.eye(5)) - base).T
    labels, ranges = program.scores(rows).argmax(axis=1), column_ranges(rows)
    exact, _ = exact_radii(rows, slopes, base, ranges)
    within, beyond = exact * (1 - 1e-4), exact * (1 + 1e-4)
    for radii, is_proven in ((within, True), (beyond, False)):
        reach = radii[:, None] * ranges
        assert ((least_margins(program, Box(rows - reach, rows + reach), labels) > 0) == is_proven).all()
    domain = domain_of(rows, is_image=False)
    for row in range(10):
        target = Target(program, domain.ball(rows[[row]], beyond[row] * 1.01), labels[[row]])
        found = apgd_t(target, aims=2, steps=50, random=random, has_time=always)
        assert found.margins[0] < 0
        # What it looks for is the smallest change: within twice the radius it finds the same.
        wider = replace(target, ball=domain.ball(rows[[row]], beyond[row] * 2))
        nearest = fab_t(wider, aims=2, steps=50, random=random, has_time=always)
        assert nearest.margins[0] < 0
        assert (fab_t(target, aims=2, steps=50, random=random, has_time=always).margins < 0).all()
        before = replace(target, ball=domain.ball(rows[[row]], within[row]))
        assert (fab_t(before, aims=2, steps=50, random=random, has_time=always).margins >= 0).all()


@pytest.mark.parametrize("cases", [40, pytest.param(2000, marks=pytest.mark.long)])
def test_no_proof_is_broken_by_any_attack_or_sample(cases: int, tmp_path: Path) -> None:
    proven = 0
    for seed in range(cases):
        random = np.random.default_rng(seed)
        is_image = seed % 4 == 0
        bend = ("Relu", "Tanh", "Sigmoid")[seed % 3]
        widths = (5, *random.integers(3, 10, size=1 + seed % 3).tolist(), 3)
        pool = ("MaxPool", "AveragePool")[seed // 4 % 2]
        model = convolutional(random, pool=pool) if is_image else perceptron(random, widths, bend)
        features = 64 if is_image else 5
        program = graph_program(model.SerializeToString(), features)
        rows = random.normal(size=(3, features))
        labels = program.scores(rows).argmax(axis=1)
        radius = 10 ** random.uniform(-2.5, -0.5)
        box = Box(rows - radius, rows + radius)
        least = least_margins(program, box, labels)
        ball = domain_of(np.vstack([np.zeros(features), np.ones(features)]), is_image=False).ball(rows, radius)
        found = apgd_t(Target(program, ball, labels), aims=2, steps=10, random=random, has_time=always)
        drawn = [margins(program.scores(point), labels) for point in corners(ball.bottom, ball.top, random)]
        assert (least <= np.minimum(found.margins, np.min(drawn, axis=0))).all(), seed
        proven += int((least > 0).sum())
    assert 0.2 < proven / (3 * cases) < 0.95


def corners(low: Floats, high: Floats, random: np.random.Generator) -> list[Floats]:
    """Return the boxes' middle, some corners of them, and some points inside."""
    signs = [np.where(random.random(low.shape) < 0.5, low, high) for _ in range(8)]
    return [(low + high) / 2, *signs, *(low + random.random(low.shape) * (high - low) for _ in range(4))]


def test_bounds_of_a_row_alone_are_its_scores_less_rounding() -> None:
    program = graph_program(convolutional(np.random.default_rng(0)).SerializeToString(), 64)
    rows = np.random.default_rng(1).normal(size=(4, 64))
    scores = program.scores(rows)
    labels = scores.argmax(axis=1)
    least = least_margins(program, Box(rows, rows), labels)
    assert (least <= margins(scores, labels)).all()
    assert least == pytest.approx(margins(scores, labels), abs=1e-3)


def test_linear_bounds_prove_more_than_intervals_alone(digits: ModelEvidence) -> None:
    radius = value_of(list(NetworkBound(ranges="image").examine(digits)), "radius_certified")
    # Interval arithmetic proves nothing of such networks beyond a few thousandths.
    assert radius > 0.03


def test_a_find_that_the_model_itself_does_not_confirm_is_none(digits: ModelEvidence) -> None:
    assert digits.truth is not None
    right = (digits.truth == digits.reference.labels).sum()

    def stubborn(rows: NDArray[np.floating]) -> Predictions:
        assert digits.truth is not None
        count = min(len(rows), right)
        return Predictions(labels=digits.truth[digits.truth == digits.reference.labels][:count])

    network = white_box(digits).network
    target = target_of(digits, 0.1)
    ensemble = Ensemble(
        network=network,
        predict=stubborn,
        dtype=digits.rows.dtype,
        image_shape=(),
        effort=replace(EFFORT, restarts=1, steps=10, aims=1, queries=0),
    )
    assert (pgd(target, steps=10, random=np.random.default_rng(0), has_time=always).margins < 0).any()
    outcome = ensemble.attack(target.ball, target.labels, always, untouched(target.ball))
    assert not outcome.broken.any()
    assert set(outcome.counts.values()) == {0}


def test_every_point_that_counts_is_a_row_within_the_radius_with_another_label(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = random.random((40, 64))
    evidence = graph_evidence(convolutional(random, softmax=True), rows, None, tmp_path)
    box = white_box(evidence)
    assert box.image_shape == (1, 8, 8)
    assert evidence.truth is not None
    ensemble = Ensemble(
        network=box.network,
        predict=evidence.predict,
        dtype=evidence.rows.dtype,
        image_shape=box.image_shape,
        effort=replace(EFFORT, steps=10),
    )
    domain = domain_of(evidence.rows, is_image=True)
    ball = domain.ball(evidence.rows.astype(np.float64), 0.05)
    labels = evidence.truth.astype(np.int64)
    outcome = ensemble.attack(ball, labels, always, untouched(ball))
    assert 0 < outcome.broken.sum() < 40
    points = outcome.points.astype(np.float32)
    assert np.array_equal(points, outcome.points)
    assert (np.abs(points.astype(np.float64) - evidence.rows) <= 0.05 * domain.ranges).all()
    assert points.min() >= evidence.rows.min()
    assert points.max() <= evidence.rows.max()
    said = evidence.predict(points[outcome.broken]).labels
    assert said is not None
    assert (said != labels[outcome.broken]).all()


@pytest.mark.parametrize("shape", [(1, 8, 8), ()])
def test_square_alone_attacks_where_derivatives_cannot_be_had_and_says_so(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    graph = Graph(np.random.default_rng(0))
    if shape:
        graph.shaped(*shape)
        graph.add("Conv", graph.drawn(3, 1, 3, 3))
        graph.add("Flatten")
    graph.add("Erf")
    graph.dense(108 if shape else 64, 3)
    rows = np.random.default_rng(1).normal(size=(30, 64))
    model = graph.model(64, 3)
    evidence = graph_evidence(model, rows, None, tmp_path)
    evidence = replace(evidence, model=replace(evidence.model, family="network"))
    results = list(NetworkAttack(radii=(0.1,), queries=60).examine(evidence))
    assert "Erf" in only(results, "attack_count", statistic="gradients").reason
    assert value_of(results, "attack_count", label="radius 0.1, square") > 3
    assert value_of(results, "robust_accuracy", label="radius 0.1") < 0.9
    assert "Erf" in only(list(NetworkBound().examine(evidence)), "radius_certified").reason


def test_a_budget_that_is_spent_leaves_bounds_that_hold(digits: ModelEvidence) -> None:
    late = replace(digits, started_s=-1e9)
    attacked = list(NetworkAttack(radii=(0.1,), budget_s=1).examine(late))
    assert value_of(attacked, "robust_accuracy", statistic="at most") == 1
    assert value_of(attacked, "not_finished_count") == only(attacked, "not_finished_count").count
    proven = list(NetworkBound(radii=(0.1,), budget_s=1).examine(late))
    assert value_of(proven, "robust_accuracy", statistic="at least") == 0
    assert value_of(proven, "not_finished_count") == only(proven, "not_finished_count").count


def test_a_network_of_two_classes_with_one_output_is_attacked_and_proven() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(80, 4))
    truth = (np.abs(rows[:, 0]) + rows[:, 1] > 1).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((16,), activation="tanh", max_iter=300, learning_rate_init=0.01, random_state=0)
        model.fit(rows, truth)
    evidence = evidence_of(model, rows, truth)
    most = value_of(
        list(NetworkAttack(queries=20).examine(evidence)), "robust_accuracy", label="radius 0.1", statistic="at most"
    )
    least = value_of(list(NetworkBound(rows=80).examine(evidence)), "robust_accuracy", label="radius 0.1")
    assert 0 < least <= most < 1


def test_ways_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="ranges"):
        NetworkAttack(ranges="pixels")
    with pytest.raises(ValueError, match="radius"):
        NetworkBound(radii=(0.0,))
    with pytest.raises(ValueError, match="steps"):
        NetworkAttack(steps=0)
