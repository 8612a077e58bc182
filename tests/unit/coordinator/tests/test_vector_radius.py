"""Bounds of support vector machines: against the closed form, random points, and attacks."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC

from mltest.coordinator.builder.judging.disturbance.disturbances import column_ranges
from mltest.coordinator.builder.judging.linear_radius import affine_scores, exact_radii
from mltest.coordinator.builder.judging.vectors.kernel_lines import Curve, line_above, line_below
from mltest.coordinator.builder.judging.vectors.vector_machine import Kernel, VectorSum, is_certain, vector_sums
from mltest.coordinator.builder.judging.vectors.vector_radius import machine_radius, read_machine
from mltest.coordinator.tests.vector_radius import VectorRadius
from tests.unit.coordinator.examined import evidence_of, only, value_of

IRIS, KINDS = load_iris(return_X_y=True)
CURVES = [
    Curve(kind="exp"),
    Curve(kind="tanh"),
    Curve(kind="identity"),
    *(Curve(kind="power", degree=degree) for degree in (1, 2, 3, 4, 5, 9)),
]


@pytest.mark.parametrize("curve", CURVES)
def test_no_point_of_a_curve_lies_beyond_its_lines(curve: Curve) -> None:
    random = np.random.default_rng(0)
    ends = np.sort(random.normal(size=(2000, 2)) * 2, axis=1)
    low, high = (
        (ends[:, 0], ends[:, 1]) if curve.kind != "exp" else (np.abs(ends).min(axis=1), np.abs(ends).max(axis=1))
    )
    at = low + random.random(2000) * (high - low)
    points = low + np.linspace(0, 1, 101)[:, None] * (high - low)
    values = curve.value(points)
    slack = 1e-9 * (1 + np.abs(values).max(axis=0))
    below, above = line_below(curve, low, high, at), line_above(curve, low, high, at)
    assert (below[0] * points + below[1] <= values + slack).all()
    assert (above[0] * points + above[1] >= values - slack).all()
    least, most = curve.extremes(low, high)
    assert (values >= least - slack).all()
    assert (values <= most + slack).all()


@pytest.mark.parametrize("cases", [50, pytest.param(3000, marks=pytest.mark.long)])
def test_no_random_machine_leaves_its_bounds_over_a_box(cases: int) -> None:
    random = np.random.default_rng(1)
    kernels = [
        Kernel(name="linear"),
        Kernel(name="rbf", gamma=0.7),
        Kernel(name="poly", gamma=0.8, coef0=0.5, degree=2),
        Kernel(name="poly", gamma=0.8, coef0=-0.3, degree=3),
        Kernel(name="sigmoid", gamma=0.6, coef0=0.1),
    ]
    for case in range(cases):
        one = VectorSum(
            kernel=kernels[case % len(kernels)],
            vectors=random.normal(size=(12, 3)),
            weights=random.normal(size=12),
            offset=random.normal(),
        )
        centre, reach = random.normal(size=3), random.random(3) * random.choice([0.01, 0.1, 1.0])
        low, high = one.bounds(centre, reach)
        corners = np.array(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3)).reshape(3, -1).T
        points = centre + reach * np.concatenate([corners, random.uniform(-1, 1, size=(300, 3))])
        values = one.values(points)
        assert low <= values.min()
        assert values.max() <= high


@pytest.mark.parametrize("estimator", [SVC(kernel="linear"), SVC(kernel="poly", degree=1, coef0=1.0)])
def test_a_linear_machine_is_certified_up_to_its_closed_form(estimator: SVC) -> None:
    rows, truth = load_breast_cancer(return_X_y=True)
    evidence = evidence_of(make_pipeline(StandardScaler(), estimator).fit(rows, truth), rows, truth)
    weights, _ = affine_scores(evidence)
    assert weights is not None
    exact, _ = exact_radii(rows, *weights, column_ranges(rows))
    machine, _ = read_machine(evidence)
    assert machine is not None
    for row in range(5):
        found = machine_radius(evidence, machine, row, 0)
        assert found.lower == pytest.approx(exact[row], rel=2e-2)
        assert found.lower <= exact[row] <= found.upper * (1 + 1e-9)
        assert found.upper == pytest.approx(exact[row], rel=2e-2)


@pytest.mark.parametrize(
    "estimator",
    [
        SVC(kernel="linear"),
        SVC(kernel="poly", degree=2),
        SVC(kernel="poly", degree=3, coef0=1.0),
        SVC(kernel="rbf"),
        SVC(kernel="sigmoid"),
        NuSVC(nu=0.2),
    ],
)
@pytest.mark.parametrize("count", [2, pytest.param(100, marks=pytest.mark.long)])
def test_no_attack_and_no_random_point_breaks_what_is_certified(estimator: SVC, count: int) -> None:
    # In the long form 6 machines, 3 data sets and 100 rows: 1,800 cases.
    random = np.random.default_rng(0)
    data = (load_iris, load_wine, load_breast_cancer) if count > 2 else (load_iris,)
    for load in data:
        rows, truth = load(return_X_y=True)
        model = make_pipeline(MinMaxScaler(), estimator).fit(rows, truth)
        evidence, ranges = evidence_of(model, rows, truth), column_ranges(rows)
        machine, reason = read_machine(evidence)
        assert machine is not None, reason
        for row in random.choice(len(rows), count, replace=False).tolist():
            found = machine_radius(evidence, machine, row, 0)
            assert found.lower <= found.upper
            moved = rows[row] + random.choice([-1.0, 1.0], size=(100, rows.shape[1])) * ranges * found.lower
            assert (model.predict(moved) == model.predict(rows[[row]])).all()


def test_votes_that_can_tie_are_not_certain() -> None:
    # Three pairs of three classes, each decided for another one: every class has one vote, and the first is said.
    kernel, vectors = Kernel(name="linear"), np.zeros((1, 1))
    sums = [
        VectorSum(kernel=kernel, vectors=vectors, weights=np.zeros(1), offset=offset, pair=pair)
        for pair, offset in (((0, 1), 1.0), ((0, 2), -1.0), ((1, 2), 1.0))
    ]
    assert is_certain(sums, 0, 3, np.zeros(1), np.ones(1))
    assert not is_certain(sums, 1, 3, np.zeros(1), np.ones(1))


def test_sums_are_the_decision_values_of_libsvm() -> None:
    machine = SVC(kernel="rbf", decision_function_shape="ovo").fit(IRIS, KINDS)
    values = np.stack([one.values(IRIS) for one in vector_sums(machine)], axis=1)
    np.testing.assert_allclose(values, machine.decision_function(IRIS), atol=1e-9)


def test_the_test_gives_certified_and_attacked_bounds() -> None:
    evidence = evidence_of(SVC(kernel="rbf").fit(IRIS, KINDS), IRIS, KINDS)
    results = list(VectorRadius(rows=6).examine(evidence))
    lower, upper = (value_of(results, f"radius_{side}", statistic="median") for side in ("certified", "attacked"))
    assert 0 < lower <= upper
    assert value_of(results, "attack_count", statistic="verified") == 6


def test_a_regressor_has_an_upper_and_a_lower_bound_of_its_change() -> None:
    rows, values = load_diabetes(return_X_y=True)
    model = SVR(C=100).fit(rows[:100], values[:100])
    results = list(VectorRadius(rows=5).examine(evidence_of(model, rows, values)))
    for radius in ("radius 0.01", "radius 0.1"):
        attacked = value_of(results, "value_change_attacked", label=radius)
        assert 0 < attacked <= value_of(results, "value_change_certified", label=radius)


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (LinearSVC(), "'linear radius' is exact"),
        (make_pipeline(Normalizer(), SVC()), "more than scaling"),
        (SVC(break_ties=True), "break_ties"),
    ],
)
def test_a_machine_that_cannot_be_bounded_says_why(estimator: SVC, words: str) -> None:
    found = VectorRadius().examine(evidence_of(estimator.fit(IRIS, KINDS), IRIS, KINDS))
    assert words in only(list(found), "radius_certified").reason


def test_rows_that_the_budget_does_not_reach_are_counted() -> None:
    evidence = replace(evidence_of(SVC().fit(IRIS, KINDS), IRIS, KINDS), started_s=-1e9)
    assert value_of(list(VectorRadius(rows=7, budget_s=1).examine(evidence)), "not_finished_count") == 7
