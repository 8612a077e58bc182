"""Which candidates are alive at the same time: pure, bounded by memory."""

from collections.abc import Sequence

from mltest.shared.domain import Candidate, DatasetInfo

_MAX_BLOCK = 64
"""Candidates of one visit; agents take no more."""
_MEMORY_SHARE = 0.6
"""Of a machine's memory, for all workers of one block together."""
_WORKER_BYTES = 200_000_000
"""Guess for an interpreter with a runtime imported; only used to bound blocks."""
_LOADED_PER_ARTIFACT_BYTE = 6
"""Guess for how much larger a model is in memory than in its file; only used to bound blocks."""
_VALUE_BYTES = 16
"""Of one value of the dataset in a worker: as it is, and in the runtime's type."""

Block = tuple[Candidate, ...]


def blocks(candidates: Sequence[Candidate], memory_bytes: int, dataset: DatasetInfo | None = None) -> tuple[Block, ...]:
    """Return groups of candidates that are alive at the same time, as few as fit into memory.

    The native baseline and the pinned reference are in each of them: what others are compared with. Candidates that do
    not fit beside the baseline are in blocks with the reference only, by which they are compared with the others.

    Args:
        candidates: those that can run on the agent, at least one.
        memory_bytes: of the agent's machine; 0 if it is not known, then all are one block.
        dataset: every worker holds it; None if it is not known.

    """
    data_bytes = _VALUE_BYTES * dataset.row_count * dataset.feature_count if dataset else 0
    room_bytes = int(memory_bytes * _MEMORY_SHARE)
    shared = tuple(candidate for candidate in candidates if is_shared(candidate))
    references = tuple(candidate for candidate in shared if candidate.is_reference)
    others = [candidate for candidate in candidates if not is_shared(candidate)]
    has_yardstick = bool(memory_bytes and references and len(shared) > len(references))
    apart = [one for one in others if has_yardstick and _bytes((*shared, one), data_bytes) > room_bytes]
    beside = [one for one in others if one not in apart]
    found = _packed(beside, shared, room_bytes, data_bytes)
    return (*found, *_packed(apart, references, room_bytes, data_bytes)) if apart else found


def is_shared(candidate: Candidate) -> bool:
    """Return whether `candidate` is what others are compared with, and so is in every block that holds it."""
    return candidate.is_baseline or candidate.is_reference


def is_apart(block: Sequence[Candidate], groups: Sequence[Sequence[Candidate]]) -> bool:
    """Return whether a block of `groups` is compared with the others by the pinned reference only."""
    with_baseline = [_holds_baseline(group) for group in groups]
    if all(with_baseline) or not any(with_baseline):
        return False
    return not _holds_baseline(block) or sum(not candidate.is_reference for candidate in block) == 1


def _holds_baseline(block: Sequence[Candidate]) -> bool:
    return any(candidate.is_baseline for candidate in block)


def _packed(others: Sequence[Candidate], shared: Block, room_bytes: int, data_bytes: int) -> tuple[Block, ...]:
    """Return groups of `others`, each with `shared`; a group has at least one of them, if there are any."""
    groups: list[list[Candidate]] = [[]]
    for candidate in others:
        is_full = len(groups[-1]) + len(shared) == _MAX_BLOCK
        is_full |= room_bytes > 0 and _bytes((*shared, *groups[-1], candidate), data_bytes) > room_bytes
        if groups[-1] and is_full:
            groups.append([])
        groups[-1].append(candidate)
    return tuple((*shared, *group) for group in groups)


def _bytes(candidates: Sequence[Candidate], data_bytes: int) -> int:
    """Return a guess of what workers for `candidates` take together."""
    return sum(_WORKER_BYTES + _LOADED_PER_ARTIFACT_BYTE * (one.artifact_bytes or 0) + data_bytes for one in candidates)
