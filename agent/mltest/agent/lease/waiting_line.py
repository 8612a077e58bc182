"""Who waits for the lease, in the order of arrival; a place is kept by asking again. Pure."""

PATIENCE_NS = 15 * 10**9
"""Whoever has not asked for so long has gone away."""
MAX_WAITING = 64


class WaitingLine:
    """Places of holders that want the lease; times are those of the clock that is passed in."""

    def __init__(self, patience_ns: int = PATIENCE_NS) -> None:
        self._patience_ns = patience_ns
        self._asked_ns: dict[str, int] = {}
        """When each asked last, in the order in which they came."""

    def ask(self, holder: str, now_ns: int) -> int:
        """Return the place of `holder`, from 1; 0 if the line is so long that it cannot join."""
        self._drop_gone(now_ns)
        if holder not in self._asked_ns and len(self._asked_ns) >= MAX_WAITING:
            return 0
        self._asked_ns[holder] = now_ns
        return 1 + tuple(self._asked_ns).index(holder)

    def first(self, now_ns: int) -> str | None:
        """Return who is next."""
        self._drop_gone(now_ns)
        return next(iter(self._asked_ns), None)

    def count(self, now_ns: int) -> int:
        """Return how many wait."""
        self._drop_gone(now_ns)
        return len(self._asked_ns)

    def leave(self, holder: str) -> None:
        """Take `holder` out of the line, if it is there."""
        self._asked_ns.pop(holder, None)

    def _drop_gone(self, now_ns: int) -> None:
        for holder, asked_ns in tuple(self._asked_ns.items()):
            if now_ns - asked_ns > self._patience_ns:
                del self._asked_ns[holder]
