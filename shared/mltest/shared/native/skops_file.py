"""Opens skops files: a zip archive with a description of the object, never code.

Which types a file may hold is decided here, not by the file. The list was made by saving each supported estimator with
skops 0.16 and scikit-learn 1.9 and asking which types it does not trust by itself.
"""

import json
import zipfile
from pathlib import Path

from mltest.shared.errors import ModelInvalidError, ModelRefusedError, ModelUnsupportedError
from mltest.shared.native.skops_library import skops_library, trust_estimators_in

_DISTANCES = ("Euclidean", "Manhattan", "Chebyshev", "Minkowski", "SEuclidean", "Hamming", "Canberra", "BrayCurtis")
_LOSSES = (
    *("HalfSquaredError", "AbsoluteError", "PinballLoss", "HuberLoss", "HalfPoissonLoss", "HalfGammaLoss"),
    *("HalfTweedieLoss", "HalfTweedieLossIdentity", "HalfBinomialLoss", "HalfMultinomialLoss", "ExponentialLoss"),
)
_WRAPPERS = (
    # Histogram boosting with categorical features: skops asks about the function that is called besides.
    *("functools.partial", "sklearn.utils.validation.check_array"),
    *("sklearn.calibration._CalibratedClassifier", "sklearn.calibration._SigmoidCalibration"),
    *("sklearn.metrics._scorer._PassthroughScorer", "sklearn.metrics._scorer._Scorer"),
    *("sklearn.model_selection._split.KFold", "sklearn.model_selection._split.StratifiedKFold"),
    *("sklearn.metrics._classification.accuracy_score", "sklearn.metrics._classification.f1_score"),
    *("sklearn.metrics._ranking.roc_auc_score", "sklearn.metrics._regression.r2_score"),
)

TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn.tree._tree.Tree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.cluster._kmeans._kmeans_single_elkan",
    *(f"sklearn.metrics._dist_metrics.{name}Distance{bits}" for name in _DISTANCES for bits in ("", "32", "64")),
    *(f"sklearn._loss.loss.{name}" for name in _LOSSES),
    *_WRAPPERS,
)
"""Beside what skops trusts by itself. `node_check` looks into the trees, whose indices nobody else checks."""


def open_skops(path: Path) -> object:
    """Return the object in the skops file `path`.

    Raises:
        ModelInvalidError: it is not a whole, unaltered skops file.
        ModelRefusedError: it holds types that are not trusted; they are named.
        ModelUnsupportedError: it needs a package that is not installed here.

    """
    skops_io = skops_library()
    from skops.io.exceptions import UntrustedTypesFoundException

    schema = _checked_schema(path)
    try:
        trust_estimators_in(schema)
        return skops_io.load(path, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        names = sorted(set(skops_io.get_untrusted_types(file=path)) - set(TRUSTED_TYPES))
        raise ModelRefusedError(detail=f"it holds types that are not trusted: {', '.join(names)}") from error
    except (MemoryError, RecursionError):
        raise
    except ModuleNotFoundError as error:
        raise ModelUnsupportedError(detail=f"it needs the package {error.name}, which is not installed here") from error
    except Exception as error:
        raise ModelInvalidError(detail=f"the skops file is damaged ({type(error).__name__}: {error})") from error


def _checked_schema(path: Path) -> object:
    """Return what the archive says of the object; every file in it fits its checksum."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            schema: object = json.loads(archive.read("schema.json"))
    except KeyError as error:
        raise ModelInvalidError(detail="it is a zip archive, but not a skops file (no schema.json)") from error
    except (zipfile.BadZipFile, ValueError, OSError, EOFError) as error:
        raise ModelInvalidError(
            detail=f"it is not a skops file, or only a part of one ({_hint(path, error)})"
        ) from error
    if damaged:
        raise ModelInvalidError(detail=f"the skops file was altered: {damaged} does not fit its checksum")
    return schema


def _hint(path: Path, error: Exception) -> str:
    with path.open("rb") as stream:
        start = stream.read(2)
    if start[:1] == b"\x80":
        return "it looks like a pickle; name it .pkl"
    return "the file is empty" if not start else str(error)
