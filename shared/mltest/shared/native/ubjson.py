"""Reads Universal Binary JSON as XGBoost writes it; numbers of typed arrays become arrays of NumPy.

Source: ubjson.org (Draft 12), and src/common/json.cc of XGBoost 3.2.
"""

from typing import Any

import numpy as np

_NUMBERS = {"i": "i1", "U": "u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_CONSTANTS = {"Z": None, "T": True, "F": False}
_MAX_DEPTH = 64


def read_ubjson(content: bytes) -> object:
    """Return the value in `content`.

    Raises:
        ValueError: it is cut off, nested too deeply, or no such file.

    """
    reader = _Reader(content)
    value = reader.value(reader.marker(), 0)
    if reader.position != len(content):
        raise ValueError("there is something behind its end")
    return value


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0

    def marker(self) -> str:
        """Return the next byte as a character, without those that say nothing."""
        while (found := self._take(1)) == b"N":
            pass
        return found.decode("latin-1")

    def value(self, marker: str, depth: int) -> Any:
        """Return the value that begins with `marker`."""
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        if marker in _NUMBERS:
            return self._numbers(_NUMBERS[marker], 1)[0].item()
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker == "C":
            return self._take(1).decode("latin-1")
        if marker == "S":
            return self._text()
        if marker == "[":
            return self._array(depth)
        if marker == "{":
            return self._object(depth)
        raise ValueError(f"{marker!r} begins no value")

    def _array(self, depth: int) -> Any:
        marker = self.marker()
        if marker == "$":
            kind = self.marker()
            if kind not in _NUMBERS or self.marker() != "#":
                raise ValueError("an array is of no known type")
            return self._numbers(_NUMBERS[kind], self._length(self.marker()))
        if marker == "#":
            return [self.value(self.marker(), depth + 1) for _ in range(self._length(self.marker()))]
        values = []
        while marker != "]":
            values.append(self.value(marker, depth + 1))
            marker = self.marker()
        return values

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (marker := self.marker()) != "}":
            key = self._take(self._length(marker)).decode()
            found[key] = self.value(self.marker(), depth + 1)
        return found

    def _text(self) -> str:
        return self._take(self._length(self.marker())).decode()

    def _length(self, marker: str) -> int:
        if marker not in _NUMBERS or marker in "dD":
            raise ValueError("a length is no whole number")
        length = int(self._numbers(_NUMBERS[marker], 1)[0])
        if not 0 <= length <= len(self._content) - self.position:
            raise ValueError("something is longer than the file")
        return length

    def _numbers(self, dtype: str, count: int) -> Any:
        kind = np.dtype(dtype)
        return np.frombuffer(self._take(count * kind.itemsize), dtype=kind)

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._content):
            raise ValueError("it is cut off")
        taken = self._content[self.position : end]
        self.position = end
        return taken
