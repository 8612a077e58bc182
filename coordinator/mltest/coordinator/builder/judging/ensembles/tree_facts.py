"""Properties of trees, whichever library made them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble
from mltest.coordinator.builder.exporters.role import ExportSource
from mltest.coordinator.builder.judging.measures.said import why_unread
from mltest.coordinator.builder.model_evidence import Facts, ModelEvidence
from mltest.coordinator.builder.surgery.ensembles import fitted_trees, is_bagging, member_features
from mltest.shared.errors import MltestError
from mltest.shared.native.outputs import final_estimator

_LEAF = -1


@dataclass(frozen=True, slots=True)
class _Shape:
    """One tree; a node comes before its children."""

    features: NDArray[np.int64]
    """(nodes,); -1 of a leaf."""
    lefts: NDArray[np.int64]
    rights: NDArray[np.int64]

    def depths(self) -> NDArray[np.int64]:
        """Return the depth of each node; the root has 0. Level by level, so that any order of nodes does."""
        depths = np.zeros(len(self.features), dtype=np.int64)
        current = np.zeros(1, dtype=np.int64)
        while len(parents := current[self.features[current] != _LEAF]):
            current = np.concatenate([self.lefts[parents], self.rights[parents]])
            depths[current] = np.tile(depths[parents] + 1, 2)
        return depths


def tree_facts(evidence: ModelEvidence, test: str, *, shown_features: int) -> Facts:
    """Return numbers of trees, nodes and leaves, depths, and how often features are compared."""
    facts = Facts(test)
    try:
        shapes = list(_shapes(evidence))
    except MltestError as error:
        facts.add("tree_count", None, reason=f"its trees cannot be read: {why_unread(error)}")
        return facts
    if not shapes:
        facts.add("tree_count", None, reason=f"{evidence.model.kind} holds no trees that can be read")
        return facts
    depths = [shape.depths() for shape in shapes]
    of_leaves = [found[shape.features == _LEAF] for found, shape in zip(depths, shapes, strict=True)]
    deepest = [int(found.max()) for found in depths]
    facts.add("tree_count", len(shapes))
    facts.add("node_count", sum(len(shape.features) for shape in shapes))
    facts.add("leaf_count", sum(len(leaves) for leaves in of_leaves))
    facts.add("depth_mean", float(np.mean(deepest)), count=len(shapes))
    facts.add("depth_max", max(deepest), count=len(shapes))
    facts.add("leaf_depth_mean", np.concatenate(of_leaves).mean(), count=sum(map(len, of_leaves)))
    _add_features(facts, evidence, shapes, shown_features)
    return facts


def _add_features(facts: Facts, evidence: ModelEvidence, shapes: Sequence[_Shape], shown: int) -> None:
    counts: Counter[int] = Counter()
    for shape in shapes:
        counts.update(shape.features[shape.features != _LEAF].tolist())
    facts.add("used_feature_count", len(counts), count=evidence.model.feature_count)
    for feature, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:shown]:
        facts.add("feature_split_count", count, statistic="feature", label=evidence.column_name(feature))


def _shapes(evidence: ModelEvidence) -> Iterator[_Shape]:
    if evidence.model.format == "onnx":
        yield from _graph_shapes(evidence)
        return
    final = final_estimator(evidence.native.estimator) if evidence.native else None
    trees = [] if final is None else fitted_trees(final)
    if trees:
        seen = member_features(final) if is_bagging(final) else [None] * len(trees)
        for tree, features in zip((found.tree_ for found in trees), seen, strict=True):
            is_leaf = tree.children_left < 0
            compared = tree.feature if features is None else features[np.where(is_leaf, 0, tree.feature)]
            yield _Shape(np.where(is_leaf, _LEAF, compared), tree.children_left, tree.children_right)
        return
    source = ExportSource(path=evidence.path, info=evidence.model, native=evidence.native, rows=None)
    for one in read_ensemble(source).trees:
        yield _Shape(*(np.asarray(values, dtype=np.int64) for values in (one.features, one.lefts, one.rights)))


def _graph_shapes(evidence: ModelEvidence) -> Iterator[_Shape]:
    """Yield the trees of TreeEnsembleClassifier and TreeEnsembleRegressor (ai.onnx.ml, versions 1 and 3)."""
    import onnx

    for node in onnx.load_model(str(evidence.path), load_external_data=False).graph.node:
        if node.op_type in ("TreeEnsembleClassifier", "TreeEnsembleRegressor"):
            yield from _node_shapes({attribute.name: attribute for attribute in node.attribute})


def _node_shapes(attributes: dict[str, Any]) -> Iterator[_Shape]:
    def numbers(name: str) -> NDArray[np.int64]:
        return np.array(attributes[name].ints, dtype=np.int64)

    trees, own = numbers("nodes_treeids"), numbers("nodes_nodeids")
    is_leaf = np.array([mode == b"LEAF" for mode in attributes["nodes_modes"].strings])
    features = np.where(is_leaf, _LEAF, numbers("nodes_featureids"))
    lefts, rights = numbers("nodes_truenodeids"), numbers("nodes_falsenodeids")
    for tree in np.unique(trees):
        of_tree = np.flatnonzero(trees == tree)
        places = {int(number): place for place, number in enumerate(own[of_tree].tolist())}

        def children(numbers: NDArray[np.int64], picked: NDArray[np.int64], at: dict[int, int]) -> NDArray[np.int64]:
            return np.array([at.get(int(number), 0) for number in numbers[picked]], dtype=np.int64)

        yield _Shape(features[of_tree], children(lefts, of_tree, places), children(rights, of_tree, places))
