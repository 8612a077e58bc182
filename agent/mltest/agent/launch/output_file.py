"""Opens what a worker wrote; the worker may have been taken over by its model."""

import os
import stat
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from mltest.shared.errors import PredictionError


def open_output(path: Path) -> BufferedReader:
    """Open a regular file and remove its name.

    Raises:
        PredictionError: there is none: a pipe would never end, and a link could lead anywhere.

    """
    try:
        stream = regular_file(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        raise PredictionError(detail="the worker wrote no file") from error
    with suppress(OSError):
        path.unlink()
    return stream


def regular_file(descriptor: int) -> BufferedReader:
    """Return a stream over an open descriptor, which it owns.

    Raises:
        PredictionError: it is no regular file.

    """
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise PredictionError(detail="the worker wrote no file")
    return os.fdopen(descriptor, "rb")
