"""How many threads a worker may have. Pure."""

from dataclasses import dataclass

from mltest.shared.errors import ThreadsExceededError


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerThreads:
    """Threads of a worker."""

    thread_count: int
    """That worked while it warmed up, the main one included."""
    pool_count: int
    """Libraries in it that keep threads of their own; those that the runtime itself started are not among them."""
    largest_pool: int
    """Threads of the largest pool that is known, its caller included; 0 if none is."""


def check_threads(threads: int, found: WorkerThreads, session_count: int) -> None:
    """Refuse a worker in which more threads work than `threads`, the declared number, allows.

    Each pool, and each of `session_count` sessions of the runtime, may have started as many as declared, its caller
    among them.

    Raises:
        ThreadsExceededError: more do; its numbers would be those of another recipe.

    """
    limit = 1 + (threads - 1) * (found.pool_count + session_count)
    facts = {"thread_count": found.thread_count, "limit": limit, "threads": threads}
    if found.largest_pool > threads:
        raise ThreadsExceededError(detail=f"one of its pools has {found.largest_pool} threads", **facts)
    if found.thread_count > limit:
        raise ThreadsExceededError(detail="the runtime, or code of the model, starts them on its own", **facts)
