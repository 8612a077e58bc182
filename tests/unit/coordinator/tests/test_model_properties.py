"""Properties of models, held against what the libraries say themselves or against what can be counted by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mltest.coordinator.builder.judging.networks.network_facts import graph_cost
from mltest.coordinator.tests.importance import NativeImportance, PermutationImportance
from mltest.coordinator.tests.model_properties import LinearWeights, NetworkProperties, SupportVectors, TreeProperties
from tests.unit.coordinator.examined import evidence_of, only, value_of

ROWS, TRUTH = load_breast_cancer(return_X_y=True)
TRAIN, TEST, TRAIN_TRUTH, TEST_TRUTH = train_test_split(ROWS, TRUTH, test_size=0.3, random_state=0, stratify=TRUTH)


def test_a_forest_has_the_trees_nodes_and_leaves_that_scikit_learn_counts() -> None:
    forest = RandomForestClassifier(20, random_state=0).fit(TRAIN, TRAIN_TRUTH)
    results = list(TreeProperties().examine(evidence_of(forest, TEST)))
    trees = forest.estimators_
    assert value_of(results, "tree_count") == 20
    assert value_of(results, "node_count") == sum(tree.tree_.node_count for tree in trees)
    assert value_of(results, "leaf_count") == sum(tree.get_n_leaves() for tree in trees)
    assert value_of(results, "depth_mean") == pytest.approx(np.mean([tree.get_depth() for tree in trees]))
    assert value_of(results, "depth_max") == max(tree.get_depth() for tree in trees)
    used = {int(feature) for tree in trees for feature in tree.tree_.feature if feature >= 0}
    assert value_of(results, "used_feature_count") == len(used)


def test_the_mean_depth_of_leaves_is_that_of_a_tree_drawn_by_hand() -> None:
    # x <= 0.5: leaf at depth 1; else x <= 1.5: two leaves at depth 2.
    tree = DecisionTreeClassifier().fit([[0], [1], [2]], [0, 1, 0])
    results = list(TreeProperties().examine(evidence_of(tree, [[0.0]])))
    assert value_of(results, "leaf_depth_mean") == pytest.approx(5 / 3)
    assert value_of(results, "feature_split_count", label="0") == 2


@pytest.mark.parametrize(
    "estimator",
    [RandomForestClassifier(5, random_state=0), GradientBoostingClassifier(n_estimators=5, random_state=0)],
)
def test_a_graph_has_the_trees_of_its_estimator(estimator: RandomForestClassifier, tmp_path: Path) -> None:
    estimator.fit(TRAIN, TRAIN_TRUTH)
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(estimator, TRAIN[:1].astype(np.float32)).SerializeToString())
    native = evidence_of(estimator, TEST)
    graph = replace(native, path=path, native=None, model=replace(native.model, format="onnx"))
    ours, theirs = (list(TreeProperties().examine(found)) for found in (graph, native))
    for metric in ("tree_count", "node_count", "leaf_count", "depth_max", "leaf_depth_mean", "used_feature_count"):
        assert value_of(ours, metric) == pytest.approx(value_of(theirs, metric)), metric


def test_histogram_boosting_is_read_as_well() -> None:
    model = HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(TRAIN, TRAIN_TRUTH)
    results = list(TreeProperties().examine(evidence_of(model, TEST)))
    predictors = [one for of_round in model._predictors for one in of_round]
    assert value_of(results, "tree_count") == 3
    assert value_of(results, "node_count") == sum(len(one.nodes) for one in predictors)
    assert value_of(results, "depth_max") == max(one.get_max_depth() for one in predictors)


def test_trees_that_see_some_columns_name_those() -> None:
    bagged = BaggingClassifier(DecisionTreeClassifier(max_depth=1), 3, max_features=1, random_state=0)
    bagged.fit(TRAIN, TRAIN_TRUTH)
    results = list(TreeProperties().examine(evidence_of(bagged, TEST)))
    named = {int(one.label) for one in results if one.metric == "feature_split_count"}
    assert named == {int(features[0]) for features in bagged.estimators_features_}


def test_support_vectors_are_counted_as_published() -> None:
    # Facts of two machines on breast cancer, standardised, 398 training rows.
    for kernel, expected in (("rbf", 96), ("linear", 27)):
        model = make_pipeline(StandardScaler(), SVC(kernel=kernel, C=1.0)).fit(TRAIN, TRAIN_TRUTH)
        results = list(SupportVectors().examine(evidence_of(model, TEST)))
        count = value_of(results, "support_vector_count")
        assert count == model[-1].n_support_.sum()
        assert value_of(results, "support_vector_ratio") == pytest.approx(count / 398)
        assert count == expected
        bounded = value_of(results, "bounded_vector_count")
        assert bounded == (np.abs(model[-1].dual_coef_) > 1 - 1e-9).sum()
        assert 0 < bounded < count


def test_a_machine_without_kernel_says_that_it_keeps_weights() -> None:
    model = LinearSVC().fit(StandardScaler().fit_transform(TRAIN), TRAIN_TRUTH)
    assert (
        "keeps weights" in only(list(SupportVectors().examine(evidence_of(model, TEST))), "support_vector_count").reason
    )
    assert value_of(list(LinearWeights().examine(evidence_of(model, TEST))), "parameter_count") == 31


def test_weights_that_lasso_made_zero_are_counted() -> None:
    rows = np.random.default_rng(0).normal(size=(100, 10))
    model = Lasso(alpha=0.1).fit(rows, rows[:, 0])
    results = list(LinearWeights().examine(evidence_of(model, rows)))
    assert value_of(results, "zero_parameter_ratio") == 0.9
    assert value_of(results, "used_feature_count") == 1


def test_a_perceptron_and_its_graph_have_the_same_parameters_and_products(tmp_path: Path) -> None:
    model = MLPClassifier((6, 4), max_iter=2, random_state=0)
    with pytest.warns(Warning, match="iterations"):
        model.fit(TRAIN, TRAIN_TRUTH)
    native = evidence_of(model, TEST)
    path = tmp_path / "model.onnx"
    path.write_bytes(to_onnx(model, TRAIN[:1].astype(np.float32), options={"zipmap": False}).SerializeToString())
    graph = replace(native, path=path, native=None, model=replace(native.model, format="onnx"))
    ours, theirs = (list(NetworkProperties().examine(found)) for found in (native, graph))
    by_hand = 30 * 6 + 6 * 4 + 4 * 1
    assert value_of(ours, "mac_count") == value_of(theirs, "mac_count") == by_hand
    assert value_of(ours, "parameter_count") == by_hand + 6 + 4 + 1
    assert value_of(ours, "activation_bytes") == (30 + 6) * 8


def test_lenet_has_the_parameters_and_products_that_are_counted_by_hand() -> None:
    # LeCun et al. 1998 with full connections, 28 x 28 padded by 2: 61,706 parameters, 416,520 multiplications.
    cost = graph_cost(lenet())
    assert cost.parameter_count == 61_706
    assert cost.mac_count == 416_520
    assert cost.operators["Conv"] == 2
    # Input and output of the first convolution: 28 x 28 and 6 x 28 x 28 values of 4 bytes, or both sides of its ReLU.
    assert cost.activation_bytes == 2 * 6 * 28 * 28 * 4


def test_a_graph_whose_shapes_are_not_known_has_no_number_of_products() -> None:
    node = helper.make_node("NonZero", ["x"], ["where"])
    cast = helper.make_node("Cast", ["where"], ["values"], to=TensorProto.FLOAT)
    product = helper.make_node("MatMul", ["values", "w"], ["y"])
    weights = numpy_helper.from_array(np.ones((1, 2), dtype=np.float32), "w")
    graph = helper.make_graph(
        [node, cast, product],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        [weights],
    )
    assert graph_cost(helper.make_model(graph)).mac_count is None


def layer(operator: str, given: list[int], *weights: list[int], **attributes: Any) -> onnx.ModelProto:
    """Return a graph of one operator on an input of that shape."""
    held = [
        numpy_helper.from_array(np.ones(shape, dtype=np.float32), f"w{place}") for place, shape in enumerate(weights)
    ]
    node = helper.make_node(operator, ["x", *(tensor.name for tensor in held)], ["y"], **attributes)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", given), ("y", None))
    ]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize(
    ("model", "by_hand"),
    [
        # With dilation 2 a kernel of 3 spans 5: (15 + 2 - 5) / 2 + 1 = 7 rows, (11 - 5) / 2 + 1 = 4 columns.
        (
            layer("Conv", [1, 4, 15, 11], [8, 2, 3, 3], strides=[2, 2], dilations=[2, 2], group=2, pads=[1, 0, 1, 0]),
            8 * 7 * 4 * 2 * 9,
        ),
        (layer("Conv", [1, 16, 10, 10], [16, 1, 3, 3], group=16, pads=[1, 1, 1, 1]), 16 * 10 * 10 * 9),
        (layer("ConvTranspose", [1, 3, 5, 5], [3, 7, 2, 2], strides=[2, 2]), 3 * 5 * 5 * 7 * 2 * 2),
        # Eight steps; four gates of 6 from 5 inputs and from 6 of its own, in both directions.
        (layer("LSTM", [8, 1, 5], [2, 24, 5], [2, 24, 6], hidden_size=6, direction="bidirectional"), 8 * 2 * 24 * 11),
        (layer("GRU", [8, 1, 5], [1, 18, 5], [1, 18, 6], hidden_size=6), 8 * 18 * 11),
    ],
)
def test_products_of_a_layer_are_those_that_are_counted_by_hand(model: onnx.ModelProto, by_hand: int) -> None:
    assert graph_cost(model).mac_count == by_hand


def test_an_operator_whose_products_nobody_counts_leaves_no_number() -> None:
    cost = graph_cost(layer("Einsum", [1, 4], [4, 3], equation="ij,jk->ik"))

    assert cost.mac_count is None
    assert cost.mac_reason == "how many products Einsum takes is not known"


def test_weights_of_a_quantised_network_are_parameters_and_their_scales_are_not() -> None:
    held = [
        numpy_helper.from_array(np.ones((4, 3), dtype=np.int8), "w"),
        numpy_helper.from_array(np.array(0.1, dtype=np.float32), "scale"),
        numpy_helper.from_array(np.array(0, dtype=np.int8), "zero"),
        numpy_helper.from_array(np.ones(3, dtype=np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["weights"]),
        helper.make_node("Gemm", ["x", "weights", "bias"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("x", 4), ("y", 3))]

    cost = graph_cost(helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], held)))

    assert (cost.parameter_count, cost.mac_count) == (4 * 3 + 3, 4 * 3)


def test_impurity_and_weights_are_the_native_accounts() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(TRAIN, TRAIN_TRUTH)
    results = NativeImportance().examine(evidence_of(forest, TEST))
    assert {one.statistic for one in results} == {"impurity"}
    assert results[0].value == forest.feature_importances_.max()
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(TRAIN, TRAIN_TRUTH)
    results = NativeImportance().examine(evidence_of(linear, TEST))
    assert {one.statistic for one in results} == {"weight"}
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(TRAIN, TRAIN_TRUTH)
    (none,) = NativeImportance().examine(evidence_of(boosted, TEST))
    assert "no account" in none.reason


def test_shuffling_tells_the_column_that_matters_like_scikit_learn() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 3))
    truth = (rows[:, 1] > 0).astype(int)
    model = DecisionTreeClassifier(random_state=0).fit(rows, truth)
    results = list(PermutationImportance(repeats=20).examine(evidence_of(model, rows, truth, columns=("a", "b", "c"))))
    theirs = permutation_importance(model, rows, truth, n_repeats=20, random_state=0)
    best = only(results, "permutation_importance", label="b")
    assert best.value == pytest.approx(theirs.importances_mean[1], abs=0.03)
    assert best.low is not None
    assert best.low > 0.4
    assert value_of(results, "permutation_importance", label="a") == 0


def test_a_loss_of_r2_needs_true_values_that_differ() -> None:
    rows = np.arange(20.0).reshape(10, 2)
    model = Ridge().fit(rows, rows[:, 0])
    found = list(PermutationImportance().examine(evidence_of(model, rows, np.full(10, 3.0))))
    assert only(found, "permutation_importance").reason == "the true values are all the same: R2 is not defined"


def test_columns_that_the_budget_does_not_reach_are_counted() -> None:
    model = DecisionTreeClassifier().fit(TRAIN, TRAIN_TRUTH)
    late = replace(evidence_of(model, TEST, TEST_TRUTH), started_s=-1e9)
    (found,) = PermutationImportance(budget_s=1).examine(late)
    assert "30 of 30 columns" in found.reason


def lenet() -> onnx.ModelProto:
    weights: list[onnx.TensorProto] = []

    def weight(name: str, *shape: int) -> str:
        weights.append(numpy_helper.from_array(np.zeros(shape, dtype=np.float32), name))
        return name

    nodes = [
        helper.make_node("Conv", ["x", weight("w1", 6, 1, 5, 5), weight("b1", 6)], ["c1"], pads=[2, 2, 2, 2]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("AveragePool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p1", weight("w2", 16, 6, 5, 5), weight("b2", 16)], ["c2"]),
        helper.make_node("AveragePool", ["c2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p2"], ["f"]),
        helper.make_node("Gemm", ["f", weight("w3", 400, 120), weight("b3", 120)], ["g1"]),
        helper.make_node("Gemm", ["g1", weight("w4", 120, 84), weight("b4", 84)], ["g2"]),
        helper.make_node("Gemm", ["g2", weight("w5", 84, 10), weight("b5", 10)], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "lenet",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 10])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
