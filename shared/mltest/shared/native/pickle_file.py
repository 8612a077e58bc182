"""Opens pickles, with or without joblib: this runs whatever code the file holds."""

from pathlib import Path

from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError


def open_pickle(path: Path) -> object:
    """Return the object in the pickle or joblib file `path`; only for files that the user declared trustworthy.

    Raises:
        ModelInvalidError: it is not a whole pickle.
        ModelUnsupportedError: it needs a package that is not installed here.

    """
    import joblib

    try:
        return joblib.load(path)
    except (MemoryError, RecursionError):
        raise
    except ModuleNotFoundError as error:
        raise ModelUnsupportedError(detail=f"it needs the package {error.name}, which is not installed here") from error
    except Exception as error:
        raise ModelInvalidError(
            detail=f"it is not a whole pickle or joblib file ({type(error).__name__}: {error})"
        ) from error
