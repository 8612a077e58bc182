"""Opens a scikit-learn estimator from its file."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from mltest.shared.errors import ModelInvalidError, ModelRefusedError, UserError
from mltest.shared.native.node_check import check_nodes
from mltest.shared.native.pickle_file import open_pickle
from mltest.shared.native.skops_file import open_skops


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedEstimator:
    """A fitted estimator."""

    estimator: object
    notes: tuple[str, ...] = ()
    """What opening it warned of, for example that it was saved with another version of scikit-learn."""


def open_estimator(path: Path, file_format: str, *, allows_pickle: bool) -> OpenedEstimator:
    """Open and check the estimator in `path`, a file of format skops or pickle.

    Raises:
        ModelRefusedError: it is a pickle without permission, or holds types that are not trusted.
        ModelInvalidError: it is damaged, crafted, not fitted, or not an estimator.
        ModelUnsupportedError: it needs a package that is not installed here.

    """
    if file_format == "pickle" and not allows_pickle:
        raise ModelRefusedError(detail="it is a pickle, and a pickle can run any code when it is opened")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator = open_pickle(path) if file_format == "pickle" else open_skops(path)
    _check(estimator)
    notes = dict.fromkeys(str(warning.message).splitlines()[0] for warning in caught)
    return OpenedEstimator(estimator=estimator, notes=tuple(notes))


def _check(estimator: object) -> None:
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not isinstance(estimator, BaseEstimator):
        raise ModelInvalidError(detail=f"the file holds a {type(estimator).__name__}, not a scikit-learn estimator")
    try:
        check_is_fitted(estimator)
        check_nodes(estimator)
    except NotFittedError as error:
        raise ModelInvalidError(detail=f"the {type(estimator).__name__} is not fitted") from error
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise ModelInvalidError(
            detail=f"the {type(estimator).__name__} is not complete ({type(error).__name__}: {error})"
        ) from error
