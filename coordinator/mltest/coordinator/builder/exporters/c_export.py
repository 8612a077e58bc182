"""Tree ensembles to C of this project's own, which agents compile: the same bytes for the same model and options."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import Output
from mltest.shared.errors import ConversionError

if TYPE_CHECKING:
    from mltest.coordinator.builder.c_source.ensemble import Ensemble

_NODES, _IF_ELSE = {"layout": "nodes", "optimise": "O2"}, {"layout": "if-else", "optimise": "O1"}
"""Nested ifs run no faster with more optimisation, and compile two to three times as long."""
_ON_REQUEST = tuple(
    replace(variant, is_on_request=True)
    for variant in (
        Variant(name="nodes int hot", options={**_NODES, "thresholds": "int", "order": "hot"}, uses_rows=True),
        Variant(name="nodes 16-bit hot", options={**_NODES, "thresholds": "16-bit", "order": "hot"}, uses_rows=True),
        Variant(name="nodes 8-bit hot", options={**_NODES, "thresholds": "8-bit", "order": "hot"}, uses_rows=True),
        Variant(name="if-else int hot", options={**_IF_ELSE, "thresholds": "int", "order": "hot"}, uses_rows=True),
        Variant(name="if-else 16-bit", options={**_IF_ELSE, "thresholds": "16-bit"}),
        Variant(name="if-else 8-bit", options={**_IF_ELSE, "thresholds": "8-bit"}),
        Variant(
            name="if-else 16-bit leaves", options={**_IF_ELSE, "thresholds": "int", "leaves": "16-bit"}, is_lossy=True
        ),
        Variant(
            name="if-else 8-bit leaves", options={**_IF_ELSE, "thresholds": "float", "leaves": "8-bit"}, is_lossy=True
        ),
    )
)
"""Both at once, where one alone is a candidate already: for whoever wants the last bit."""


@exporter
class CExport:
    """Writes one file in C11, which needs nothing but a compiler, in several layouts."""

    needs = ExporterNeeds(
        name="c_export",
        runtimes=("c",),
        formats=dict.fromkeys(("skops", "pickle", "xgboost-json", "xgboost-ubj", "lightgbm"), "c-source"),
        families=("forest", "boosting", "tree"),
        takes="tree ensembles of scikit-learn, XGBoost and LightGBM",
        variants=(
            Variant(name="nodes", options={**_NODES, "thresholds": "float"}),
            Variant(name="nodes hot", options={**_NODES, "thresholds": "float", "order": "hot"}, uses_rows=True),
            Variant(name="nodes int", options={**_NODES, "thresholds": "int"}),
            Variant(name="nodes double", options={**_NODES, "thresholds": "double"}),
            Variant(name="nodes 16-bit", options={**_NODES, "thresholds": "16-bit"}),
            Variant(name="nodes 8-bit", options={**_NODES, "thresholds": "8-bit"}),
            Variant(name="nodes 8-bit rounded", options={**_NODES, "thresholds": "8-bit rounded"}, is_lossy=True),
            Variant(
                name="nodes 8-bit leaves", options={**_NODES, "thresholds": "float", "leaves": "8-bit"}, is_lossy=True
            ),
            Variant(
                name="nodes 16-bit leaves", options={**_NODES, "thresholds": "int", "leaves": "16-bit"}, is_lossy=True
            ),
            Variant(name="if-else", options={**_IF_ELSE, "thresholds": "float"}),
            Variant(name="if-else hot", options={**_IF_ELSE, "thresholds": "float", "order": "hot"}, uses_rows=True),
            Variant(name="if-else int", options={**_IF_ELSE, "thresholds": "int"}),
            *_ON_REQUEST,
        ),
        packages=("treelite",),
        is_single_threaded=True,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Read the ensemble, and print it."""
        if source.info.output not in (Output.PROBABILITIES, Output.VALUES):
            raise _refusal(f"it gives probabilities or values, and this model is asked for {source.info.output.value}")
        ensemble = _ensemble(source)
        _check(ensemble, source.options)
        target.write_text(_source(ensemble, source), encoding="ascii")
        return Exported(input_dtype=ensemble.input_type)


def _ensemble(source: ExportSource) -> "Ensemble":
    from mltest.coordinator.builder.c_source.quantised_leaves import with_integer_leaves
    from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble

    ensemble = read_ensemble(source)
    leaves = source.options.get("leaves", "")
    return with_integer_leaves(ensemble, int(leaves.removesuffix("-bit"))) if leaves else ensemble


def _check(ensemble: "Ensemble", options: Mapping[str, str]) -> None:
    """Refuse what would give a candidate twice, or one that no agent can compile in time."""
    from mltest.coordinator.builder.c_source.if_else import MAX_NODES

    if options.get("thresholds") == "double" and ensemble.input_type == "float64":
        raise _refusal("its library compares in float64, so every other variant does as well")
    if options.get("layout") == "if-else" and ensemble.node_count > MAX_NODES:
        raise _refusal(
            f"nested ifs of {ensemble.node_count} nodes take a compiler too long (at most {MAX_NODES}); "
            "its nodes as arrays are other candidates"
        )


def _source(ensemble: "Ensemble", source: ExportSource) -> str:
    from mltest.coordinator.builder.c_source.if_else import if_else_source
    from mltest.coordinator.builder.c_source.nodes import nodes_source

    thresholds = source.options.get("thresholds", "float")
    _check_ranks(ensemble, thresholds)
    visits = _visits(ensemble, source.rows) if source.options.get("order") == "hot" else ()
    printed = if_else_source if source.options.get("layout") == "if-else" else nodes_source
    return printed(ensemble, thresholds, visits)


def _check_ranks(ensemble: "Ensemble", thresholds: str) -> None:
    """Refuse a model with too many thresholds for ranks that are meant to lose nothing, and rounding for nothing."""
    from mltest.coordinator.builder.c_source.chosen_keys import RANK_BITS, ROUNDED
    from mltest.coordinator.builder.c_source.rank_keys import RankKeys

    bits = RANK_BITS.get(thresholds)
    if not bits:
        return
    is_lossless = RankKeys(ensemble, bits).is_lossless
    if thresholds == ROUNDED and is_lossless:
        raise _refusal("no feature has more different thresholds than 8 bits can count, so nothing has to be rounded")
    if thresholds != ROUNDED and not is_lossless:
        raise _refusal(f"a feature has more different thresholds than {bits} bits can count ({(1 << bits) - 1})")


def _visits(ensemble: "Ensemble", path: Path | None) -> Sequence[Sequence[int]]:
    """Return how many rows of the dataset come by each node of each tree."""
    import numpy as np

    from mltest.coordinator.builder.c_source.hot_paths import visits_of

    if path is None:
        raise _refusal("hot paths are found with the rows of a dataset, and there are none")
    with np.load(path, allow_pickle=False) as content:
        rows = content["X"].astype(ensemble.input_type)
    return [visits_of(tree, rows) for tree in ensemble.trees]


def _refusal(detail: str) -> ConversionError:
    return ConversionError(converter="mltest's own C", detail=detail)
