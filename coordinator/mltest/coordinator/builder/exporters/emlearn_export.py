"""Forests and small networks of scikit-learn to the C that emlearn generates for microcontrollers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mltest.coordinator.builder.c_source.foreign import MAX_FEATURES, ForeignSource, foreign_source
from mltest.coordinator.builder.exporters.lone_step import lone_step
from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.exporters.tool import tool_errors, tool_version
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import Output, Task
from mltest.shared.errors import ConversionError

_O1, _O2 = {"optimise": "O1"}, {"optimise": "O2"}
_TREES = ("forest", "tree")
MAX_LEAF_COMPARISONS = 5_000_000
"""That emlearn makes in Python to find equal leaves: a few seconds."""


@exporter
class EmlearnExport:
    """Puts what emlearn generates behind the C interface; all of it is lossy by emlearn's design.

    Trees vote for one class each, or with proportions of eight bits; numbers are written with six digits.
    """

    needs = ExporterNeeds(
        name="emlearn_export",
        runtimes=("emlearn",),
        formats={"skops": "c-source", "pickle": "c-source"},
        families=(*_TREES, "mlp"),
        takes="forests, trees and multi-layer perceptrons of scikit-learn",
        variants=(
            Variant(options=_O1, is_lossy=True, families=_TREES),
            Variant(name="8-bit leaves", options={**_O1, "leaves": "8-bit"}, is_lossy=True, families=_TREES),
            Variant(name="int16", options={**_O1, "features": "int16"}, is_lossy=True, families=_TREES),
            Variant(name="network", options=_O2, is_lossy=True, families=("mlp",)),
        ),
        packages=("emlearn",),
        extra="codegen",
        is_single_threaded=True,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Generate, and put together."""
        version = tool_version(self.needs)
        if source.info.output not in (Output.PROBABILITIES, Output.VALUES):
            raise _refusal(f"it gives probabilities or values, and this model is asked for {source.info.output.value}")
        assert source.native is not None
        estimator = lone_step(source.native.estimator, "emlearn", holds="trees and networks")
        parts = _network if source.info.family == "mlp" else _trees
        with tool_errors("emlearn"):
            code, row_lines, output_count = parts(estimator, source)
        foreign = ForeignSource(
            about=f"{type(estimator).__name__} as emlearn {version} writes it",
            code=code,
            row_lines=row_lines,
            feature_count=source.info.feature_count,
            output_count=output_count,
            input_type="float32",
        )
        target.write_text(foreign_source(foreign), encoding="utf-8")
        return Exported(input_dtype="float32", options={"generator": f"emlearn {version}"})


_Parts = tuple[str, Sequence[str], int]
"""Code, lines of a row, and how many values a row gets."""


def _trees(estimator: Any, source: ExportSource) -> _Parts:
    from mltest.coordinator.builder.c_source.emlearn_code import TREE_TYPES, tree_code
    from mltest.coordinator.builder.c_source.emlearn_trees import INT16, given_trees

    is_classifier = source.info.task is Task.CLASSIFICATION
    is_int16, has_shares = source.options.get("features") == "int16", source.options.get("leaves") == "8-bit"
    leaf_bits = (8 if has_shares else 0) if is_classifier else None
    _check_type(estimator, TREE_TYPES)
    if has_shares and not is_classifier:
        raise _refusal("leaves of a regressor are values, in every variant")
    _check_size(estimator, leaf_bits, source)
    feature_type = INT16 if is_int16 else "INPUT"
    code = tree_code(given_trees(estimator, feature_type), feature_type=feature_type, leaf_bits=leaf_bits)
    features = "features" if is_int16 else "row"
    copying = ["int16_t features[FEATURES];", *_each("FEATURES", "features[i] = as_int16(row[i]);")] if is_int16 else []
    code += f"\n\n{_AS_INT16}" if is_int16 else ""
    return code, [*copying, *_asked_trees(features, is_classifier)], len(source.info.classes) or 1


def _asked_trees(features: str, is_classifier: bool) -> Sequence[str]:
    if not is_classifier:
        return [f"out[0] = model_predict({features}, FEATURES);"]
    return [
        "float shares[OUTPUTS];",
        f"model_predict_proba({features}, FEATURES, shares, OUTPUTS);",
        *_each("OUTPUTS", "out[i] = shares[i];"),
    ]


def _network(estimator: Any, source: ExportSource) -> _Parts:
    from mltest.coordinator.builder.c_source.emlearn_code import NETWORK_TYPES, network_code

    _check_type(estimator, NETWORK_TYPES)
    widths = [size for weights in estimator.coefs_ for size in weights.shape]
    if len(estimator.coefs_) < 2:
        raise _refusal("a network has to have a hidden layer")
    if max(widths) > MAX_FEATURES:
        raise _refusal(f"each of its calls keeps a layer on the stack, and one of {max(widths)} is too large for that")
    asked = "eml_net_predict_proba" if source.info.task is Task.CLASSIFICATION else "eml_net_regress"
    row_lines = [
        "EmlNet network = model;",
        f"float first[{max(widths)}], second[{max(widths)}], values[OUTPUTS] = {{0}};",
        "network.activations1 = first;",
        "network.activations2 = second;",
        f"const bool is_right = {asked}(&network, row, FEATURES, values, OUTPUTS) == EmlOk;",
        *_each("OUTPUTS", "out[i] = is_right ? values[i] : NAN;"),
    ]
    return network_code(estimator), row_lines, len(source.info.classes) or widths[-1]


def _each(count: str, statement: str) -> list[str]:
    return [f"for (size_t i = 0; i < {count}; i++)", f"    {statement}"]


_AS_INT16 = """\
static inline int16_t as_int16(float value) {
    return value >= 32767 ? 32767 : value > -32768 ? (int16_t)value : -32768;
}"""


def _check_type(estimator: Any, known: Sequence[str]) -> None:
    name = type(estimator).__name__
    if name not in known:
        raise _refusal(f"it takes {', '.join(known)}, this is {name}")


def _check_size(estimator: Any, leaf_bits: int | None, source: ExportSource) -> None:
    """Refuse what emlearn cannot generate, or no agent can compile, in time."""
    from mltest.coordinator.builder.c_source.emlearn_trees import leaf_comparisons
    from mltest.coordinator.builder.c_source.if_else import MAX_NODES

    node_count = sum(tree.tree_.node_count for tree in getattr(estimator, "estimators_", [estimator]))
    if getattr(estimator, "n_outputs_", 1) > 1:
        raise _refusal("it gives one value a row")
    if node_count > MAX_NODES:
        raise _refusal(f"nested ifs of {node_count} nodes take a compiler too long (at most {MAX_NODES})")
    if source.info.feature_count > MAX_FEATURES:
        raise _refusal(f"rows of {source.info.feature_count} features are too long to be copied in each call")
    if (count := leaf_comparisons(estimator, leaf_bits)) > MAX_LEAF_COMPARISONS:
        raise _refusal(f"it would compare leaves {count} times to find equal ones (at most {MAX_LEAF_COMPARISONS})")


def _refusal(detail: str) -> ConversionError:
    return ConversionError(converter="emlearn", detail=detail)
