"""Wakes those who watch jobs when there is something new to read in the store."""

import asyncio


class News:
    """Counts changes; a watcher notes the count, reads, and waits until it is higher."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()
        self.count = 0

    async def announce(self) -> None:
        """Wake every watcher."""
        async with self._condition:
            self.count += 1
            self._condition.notify_all()

    async def later_than(self, count: int) -> None:
        """Return when something happened after `count` was read."""
        async with self._condition:
            await self._condition.wait_for(lambda: self.count > count)
