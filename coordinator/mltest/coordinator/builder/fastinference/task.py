"""What FastInference is asked for, from the options of a recipe. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mltest.coordinator.builder.c_source.ensemble import Ensemble, Link
from mltest.coordinator.builder.fastinference.model_json import CONVERTER, model_json
from mltest.coordinator.builder.fastinference.variants import OPTIMIZER
from mltest.coordinator.builder.fastinference.wrapper import LABEL_TYPES, wrapper
from mltest.shared.errors import ConversionError

_LEARNING = {
    "leaf-refinement": {"X": "X", "Y": "Y"},
    "weight-refinement": {"X": "X", "Y": "Y"},
    "pruning": {"X": "x_prune", "Y": "y_prune"},
    "proxpruning": {"X": "X", "Y": "Y"},
}
"""Optimisations that get rows, and what they call them."""
_ARGUMENTS: dict[str, dict[str, object]] = {"pruning": {"pruning_method": "reduced_error"}}
_IMPLEMENTATIONS = {"native": "cpp.native", "if-else": "cpp.ifelse"}
_MAX_INTEGER = 2**31 - 1


def learns(options: Mapping[str, str]) -> bool:
    """Return whether the recipe makes choices by rows and their true labels."""
    return options.get(OPTIMIZER, "") in _LEARNING


def task_of(
    ensemble: Ensemble, options: Mapping[str, str], visits: Sequence[Sequence[int]], rows_name: str
) -> dict[str, object]:
    """Return model, wrapper and arguments for the child that runs the tool.

    Args:
        ensemble: the model.
        options: of the recipe.
        visits: for each tree and node, how many rows come by; may be empty.
        rows_name: name of the file with rows to learn from, beside that of the task; may be empty.

    Raises:
        ConversionError: the model is none for this recipe.

    """
    weight, answered = _weighted(ensemble, options)
    optimizer = options.get(OPTIMIZER, "")
    is_of_trees = optimizer == "swap"
    asked = {
        "name": optimizer,
        "arguments": {**_ARGUMENTS.get(optimizer, {}), **_quantised(options)},
        "rows": _LEARNING.get(optimizer, {}),
    }
    return {
        "model": model_json(ensemble, visits, weight=weight),
        "wrapper": wrapper(answered),
        "rows": rows_name,
        "implementation": _IMPLEMENTATIONS[options["implementation"]],
        "arguments": {
            "feature_type": LABEL_TYPES[ensemble.input_type],
            "label_type": LABEL_TYPES[answered.sum_type],
            **_kernel(options),
            **({"reorder_nodes": True, "set_size": int(options["reorder"])} if "reorder" in options else {}),
        },
        "optimizers": [asked] if optimizer and not is_of_trees else [],
        "base_optimizers": [{"name": optimizer, "arguments": {}}] if is_of_trees else [],
    }


def _weighted(ensemble: Ensemble, options: Mapping[str, str]) -> tuple[float, Ensemble]:
    """Return the weight of every tree, and what the wrapper makes answers of.

    Trees are averaged behind the last one, as the libraries do it; what learns weights or leaves sees the average.
    """
    if learns(options):
        if ensemble.link is not Link.NONE or any(ensemble.base_scores) or ensemble.sum_count < 2:
            raise ConversionError(converter=CONVERTER, detail="it learns leaves and weights of classifiers only")
        return 1 / ensemble.divisor, replace(ensemble, divisor=1)
    if "leafs" in options:
        return 1.0, _with_integer_sums(ensemble, int(options["leafs"]))
    return 1.0, ensemble


def _with_integer_sums(ensemble: Ensemble, factor: int) -> Ensemble:
    largest = sum(max((abs(one) for leaf in tree.values for one in leaf), default=0.0) for tree in ensemble.trees)
    if not largest * factor + len(ensemble.trees) < _MAX_INTEGER:
        raise ConversionError(converter=CONVERTER, detail=f"sums of leaves times {factor} do not fit into 32 bits")
    return replace(ensemble, sum_type="int32", leaf_bits=32, leaf_unit=1 / factor)


def _quantised(options: Mapping[str, str]) -> dict[str, object]:
    named = {"quantize_leafs": options.get("leafs"), "quantize_splits": options.get("splits")}
    return {name: value for name, value in named.items() if value}


def _kernel(options: Mapping[str, str]) -> dict[str, object]:
    if "kernel" not in options:
        return {}
    return {"kernel_type": options["kernel"], "kernel_budget": int(options["kernel_bytes"])}
