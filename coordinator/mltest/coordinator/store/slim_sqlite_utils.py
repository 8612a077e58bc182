"""sqlite-utils without NumPy and pandas: it imports them wherever they are installed, only to adapt their values.

No such value is stored here, and a daemon that imports NumPy starts later and keeps tens of megabytes for nothing.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let modules that are not imported yet look as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _hidden("numpy", "pandas"):
    from sqlite_utils import Database, Migrations
    from sqlite_utils.db import NotFoundError, Table

__all__ = ["Database", "Migrations", "NotFoundError", "Table"]
