"""Tree ensembles to the JSON that FastInference reads, and the wrapper for what it makes of them; it works apart."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.fastinference.place import TOOL
from mltest.coordinator.builder.fastinference.variants import VARIANTS
from mltest.shared.domain import Output
from mltest.shared.errors import ConversionError

if TYPE_CHECKING:
    from mltest.coordinator.builder.c_source.ensemble import Ensemble

FLAGS = "-std=c++17 -fPIC -shared -ffp-contract=off"
"""With which agents compile C++, beside the option `optimise`; as `mltest.shared.native.artifact_flags` has them."""


@exporter
class FastInferenceExport:
    """Writes model, wrapper and arguments; `fastinference.tool` has the tool make C++ of them in its own process."""

    needs = ExporterNeeds(
        name="fastinference_export",
        runtimes=("fastinference",),
        formats=dict.fromkeys(("skops", "pickle", "xgboost-json", "xgboost-ubj", "lightgbm"), "c++-source"),
        families=("forest", "boosting", "tree"),
        takes="tree ensembles of scikit-learn, XGBoost and LightGBM",
        variants=VARIANTS,
        packages=("treelite",),
        is_single_threaded=True,
        tool=TOOL,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Read the ensemble, and write what the tool is asked for."""
        from mltest.coordinator.builder.c_source.read_ensemble import read_ensemble
        from mltest.coordinator.builder.fastinference.task import learns, task_of

        if source.info.output not in (Output.PROBABILITIES, Output.VALUES):
            raise _refusal(f"it gives probabilities or values, and this model is asked for {source.info.output.value}")
        options = {"implementation": "native", **source.options}
        ensemble = read_ensemble(source)
        _check_size(ensemble, options)
        rows_name = _write_rows(source.rows, ensemble, target) if learns(options) else ""
        task = task_of(ensemble, options, _visits(source.rows, ensemble), rows_name)
        target.write_text(_text(task), encoding="utf-8")
        flags = f"{FLAGS} -{options.get('optimise', 'O2')}"
        return Exported(input_dtype=ensemble.input_type, options={"flags": flags})


def _check_size(ensemble: "Ensemble", options: Mapping[str, str]) -> None:
    from mltest.coordinator.builder.c_source.if_else import MAX_NODES

    if options["implementation"] == "if-else" and ensemble.node_count > MAX_NODES:
        raise _refusal(
            f"nested ifs of {ensemble.node_count} nodes take a compiler too long (at most {MAX_NODES}); "
            "its nodes as arrays are other candidates"
        )


def _visits(path: Path | None, ensemble: "Ensemble") -> Sequence[Sequence[int]]:
    """Return how many rows of the dataset come by each node of each tree; nothing without rows."""
    import numpy as np

    from mltest.coordinator.builder.c_source.hot_paths import visits_of

    if path is None:
        return ()
    with np.load(path, allow_pickle=False) as content:
        rows = content["X"].astype(ensemble.input_type)
    _check_gaps(ensemble, {int(feature) for feature in np.flatnonzero(np.isnan(rows).any(axis=0))})
    return [visits_of(tree, rows) for tree in ensemble.trees]


def _check_gaps(ensemble: "Ensemble", gaps: set[int]) -> None:
    """Refuse rows with missing values in features by which the model sends those to the left child."""
    for tree in ensemble.trees:
        if any(tree.features[node] in gaps and tree.misses_left[node] for node, _, _ in tree.inner()):
            raise _refusal(
                "rows have missing values; its code sends them to the right child, and the model to the left"
            )


def _write_rows(path: Path | None, ensemble: "Ensemble", target: Path) -> str:
    """Write the rows from which the tool may learn beside `target`, and return the name of their file."""
    import numpy as np

    from mltest.coordinator.builder.surgery.selection import read_half

    half = read_half(path) if path else None
    if half is None or half.truth is None:
        raise _refusal("it learns from rows with their true labels, and there are none")
    name = f"{target.name}.rows.npz"
    np.savez(target.with_name(name), X=half.rows.astype(ensemble.input_type), y=half.truth)
    return name


def _text(task: Mapping[str, object]) -> str:
    try:
        return json.dumps(task, sort_keys=True, allow_nan=False)
    except RecursionError as error:
        raise _refusal("its trees are nested too deeply for JSON") from error


def _refusal(detail: str) -> ConversionError:
    return ConversionError(converter="FastInference", detail=detail)
