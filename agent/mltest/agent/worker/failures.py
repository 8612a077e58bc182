"""What a library raises, as one of our own errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from mltest.shared.errors import MltestError


@contextmanager
def failures_as(error_class: type[MltestError]) -> Iterator[None]:
    """Turn what a library raises into `error_class`; our own errors and lack of memory keep their meaning."""
    try:
        yield
    except (MltestError, MemoryError, RecursionError):
        raise
    except Exception as error:
        raise error_class(detail=words_of(error)) from error


def words_of(error: Exception) -> str:
    """Return the class of `error` and the first line of what it says."""
    text = (str(error).strip().splitlines() or [""])[0][:500]
    return f"{type(error).__name__}: {text}"
