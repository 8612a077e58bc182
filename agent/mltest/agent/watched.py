"""A value that others can follow."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class Watched(Generic[ValueT]):
    """A value and its changes; a slow follower sees the newest value, not every one between."""

    def __init__(self, value: ValueT) -> None:
        self._value = value
        self._changed = asyncio.Event()

    @property
    def value(self) -> ValueT:
        """The value now."""
        return self._value

    def set(self, value: ValueT) -> None:
        """Change the value; followers wake up if it differs."""
        if value != self._value:
            self._value = value
            self._changed.set()
            self._changed = asyncio.Event()

    async def follow(self) -> AsyncGenerator[ValueT, None]:
        """Yield the value now, and each time that it has changed."""
        while True:
            seen, changed = self._value, self._changed
            yield seen
            if seen == self._value:
                await changed.wait()
