"""C that emlearn generates, in one piece; in the builder's child only, where no compiler can be started."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

TREE_TYPES = (
    *("RandomForestClassifier", "ExtraTreesClassifier", "DecisionTreeClassifier"),
    *("RandomForestRegressor", "ExtraTreesRegressor", "DecisionTreeRegressor"),
)
"""Classes of scikit-learn that it knows by name."""
NETWORK_TYPES = ("MLPClassifier", "MLPRegressor")

MODEL = "model"
"""Prefix of the names that it generates."""

_INCLUDE = re.compile(r'^\s*#include\s+[<"](eml_\w+\.h)[>"].*$', re.MULTILINE)


def emlearn() -> Any:
    """Return the package, imported without what that changes for everybody: NumPy then raises for every underflow."""
    with np.errstate(), warnings.catch_warnings():
        # It asks for distutils, which Python 3.11 says is deprecated.
        warnings.simplefilter("ignore")
        import emlearn

        return emlearn


def tree_code(estimator: Any, *, feature_type: str, leaf_bits: int | None) -> str:
    """Return functions `model_predict`, and of a classifier `model_predict_proba`.

    Args:
        estimator: of one of TREE_TYPES, with thresholds for the comparison `x < threshold`.
        feature_type: C type of the features; a threshold of another type than int16_t is written with all its digits.
        leaf_bits: of class proportions in leaves; 0: each tree votes for one class.

    """
    settings = {} if leaf_bits is None else {"leaf_bits": leaf_bits}
    made = emlearn().convert(estimator, method="inline", dtype=feature_type, **settings)
    return str(made.save(name=MODEL))


def network_code(estimator: Any) -> str:
    """Return an `EmlNet` called `model`, and the functions of emlearn's headers that run it.

    Its converter compiles a program to try the network with; this is the generator behind it.
    """
    net = emlearn().net
    activations = [*([estimator.activation] * (len(estimator.coefs_) - 1)), estimator.out_activation_]
    code = net.c_generate_net_loadable(activations, estimator.coefs_, estimator.intercepts_, MODEL)
    return _with_headers(str(code), Path(emlearn().__file__).parent, set())


def _with_headers(code: str, folder: Path, known: set[str]) -> str:
    """Return `code` with emlearn's own headers in place of the lines that include them, each once."""

    def content(found: re.Match[str]) -> str:
        name = found[1]
        if name in known:
            return ""
        known.add(name)
        return _with_headers((folder / name).read_text(encoding="utf-8"), folder, known)

    return _INCLUDE.sub(content, code)
