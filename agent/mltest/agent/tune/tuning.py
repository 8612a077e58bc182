"""Sets what is wished for, all of it or nothing, and puts it back."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mltest.agent.tune.place import FilePlace, Place, place_named
from mltest.agent.tune.tuned import FILE, Tuned, TunedState, read_state, write_state
from mltest.agent.tune.wishes import Wish, wishes
from mltest.shared.errors import TuneFailedError, TuneRefusedError


class Fate(Enum):
    """What became of a place when it was put back."""

    REVERTED = "reverted"
    ALREADY = "was already as before"
    CHANGED = "left: somebody changed it since"
    GONE = "is not there any more"
    FAILED = "cannot be put back"


@dataclass(frozen=True, slots=True)
class Reverted:
    """One place, put back or not."""

    change: Tuned
    fate: Fate
    found: str
    """Its value before it was put back, or why it cannot be."""


def pending(root: Path) -> tuple[Wish, ...]:
    """Return the wishes that are not fulfilled."""
    return tuple(wish for wish in wishes(root) if wish.place.read() not in ("", wish.wanted))


def apply(root: Path) -> tuple[Wish, ...]:
    """Fulfil every wish, and return those that were not fulfilled before.

    Raises:
        TuneRefusedError: this process may not; nothing was changed.
        TuneFailedError: a place does not take its value; what was changed before it is as it was.

    """
    missing, old = pending(root), read_state(root)
    _require_rights(root, missing)
    kept = old.changes if old.is_of_this_boot else ()
    planned = _merged(kept, missing)
    _write_first(root, planned)
    done: list[tuple[Place, str]] = []
    for wish in missing:
        before = wish.place.read()
        try:
            wish.place.write(wish.wanted)
        except OSError as error:
            # It may have taken it in part.
            left = _undone([*done, (wish.place, before)])
            write_state(root, _kept_with(kept, planned, left))
            raise _failure(wish, error, left) from error
        done.append((wish.place, before))
    return missing


def revert(root: Path, *, is_forced: bool = False) -> tuple[Reverted, ...]:
    """Put everything back, the last first; what could not be put back, or was left, stays in the state.

    Args:
        root: of the machine's file system.
        is_forced: whether to put back even what somebody changed since.

    Raises:
        TuneRefusedError: this process may not; nothing was changed.
        TuneFailedError: what was set cannot be read.

    """
    state = read_state(root)
    changes = state.changes if state.is_of_this_boot else ()
    places = [(change, _place(change, root)) for change in reversed(changes)]
    _require_access(root, [place for _, place in places], "revert")
    found = tuple(_reverted(change, place, is_forced=is_forced) for change, place in places)
    open_ = {one.change.place for one in found if one.fate in (Fate.CHANGED, Fate.FAILED)}
    write_state(root, [change for change in changes if change.place in open_])
    return found


def is_gone(state: TunedState) -> bool:
    """Return whether there was something to put back, which a start of the machine has put back."""
    return bool(state.changes) and not state.is_of_this_boot


def _write_first(root: Path, planned: Sequence[Tuned]) -> None:
    try:
        write_state(root, planned)
    except OSError as error:
        raise TuneFailedError(detail=f"what is set cannot be kept in {root / FILE} ({error})") from error


def _merged(kept: Sequence[Tuned], missing: Sequence[Wish]) -> list[Tuned]:
    """Return what will have been changed; what an earlier run changed keeps its first value."""
    first = {one.place: one.before for one in kept}
    found = {one.place: one for one in kept}
    for wish in missing:
        name = wish.place.name
        found[name] = Tuned(name, first.get(name, wish.place.read()), wish.wanted)
    return list(found.values())


def _kept_with(kept: Sequence[Tuned], planned: Sequence[Tuned], left: set[str]) -> list[Tuned]:
    """Return what is set after a failure: what was before, and what could not be put back."""
    return [*(one for one in kept if one.place not in left), *(one for one in planned if one.place in left)]


def _undone(done: Sequence[tuple[Place, str]]) -> set[str]:
    """Put `done` back, the last first; return the names of what does not take its old value."""
    left = set()
    for place, before in reversed(done):
        if place.read() == before:
            continue
        try:
            place.write(before)
        except OSError:
            left.add(place.name)
    return left


def _failure(wish: Wish, error: OSError, left: set[str]) -> TuneFailedError:
    rest = f"; and these could not be put back: {', '.join(sorted(left))}" if left else "; nothing is changed"
    return TuneFailedError(detail=f"{wish.place.name} does not take {wish.wanted!r} ({error}){rest}")


def _reverted(change: Tuned, place: Place, *, is_forced: bool) -> Reverted:
    found = place.read()
    if not found:
        return Reverted(change, Fate.GONE, "")
    if found == change.before:
        return Reverted(change, Fate.ALREADY, found)
    if found != change.after and not is_forced:
        return Reverted(change, Fate.CHANGED, found)
    try:
        place.write(change.before)
    except OSError as error:
        return Reverted(change, Fate.FAILED, str(error))
    return Reverted(change, Fate.REVERTED, found)


def _place(change: Tuned, root: Path) -> Place:
    try:
        return place_named(change.place, root)
    except ValueError as error:
        raise TuneFailedError(detail=f"{root / FILE} cannot be used ({error})") from error


def _require_rights(root: Path, missing: Sequence[Wish]) -> None:
    _require_access(root, [wish.place for wish in missing], "apply")


def _require_access(root: Path, places: Sequence[Place], verb: str) -> None:
    files = [place.path for place in places if isinstance(place, FilePlace) and place.path.exists()]
    denied = [str(path) for path in files if not os.access(path, os.W_OK)]
    if not files and os.geteuid() != 0:
        denied = [place.name for place in places]
    if denied:
        others = f" and {len(denied) - 1} more" if len(denied) > 1 else ""
        detail = f"{denied[0]}{others} may not be written by this user"
        raise TuneRefusedError(detail=detail, next_step=f"sudo mltest-agent tune {verb}")
