"""What is set, would be set and was put back, for people."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from mltest.agent.tune.tuned import TunedState
from mltest.agent.tune.tuning import Fate, Reverted, is_gone
from mltest.agent.tune.wishes import Wish, left_alone

_RESTARTED = "The machine was started since it was tuned, which put everything back"


def shown_text(root: Path, missing: Sequence[Wish], state: TunedState) -> str:
    """Return what `apply` would change and why, and what an earlier one changed."""
    return "\n".join(_shown(root, missing, state))


def applied_text(done: Sequence[Wish]) -> str:
    """Return what was set."""
    if not done:
        return "Nothing to set: the machine is as it should be."
    lines = ["set", *_wishes(done), "Until the next start of the machine, or: sudo mltest-agent tune revert"]
    return "\n".join(lines)


def reverted_text(found: Sequence[Reverted], state: TunedState) -> str:
    """Return what became of each setting; `state` as it was before."""
    if is_gone(state):
        return f"{_RESTARTED}: nothing to revert."
    if not found:
        return "Nothing to revert: nothing was set."
    lines = [f"  {one.change.place}: {_fate(one)}" for one in found]
    if any(one.fate is Fate.CHANGED for one in found):
        lines.append("What somebody else changed is put back by: sudo mltest-agent tune revert --force")
    return "\n".join(lines)


def _shown(root: Path, missing: Sequence[Wish], state: TunedState) -> Iterator[str]:
    if missing:
        yield "would be set"
        yield from _wishes(missing)
        yield "Nothing is changed. To do so, and to put it back: sudo mltest-agent tune apply, revert"
    else:
        yield "Nothing would be set: what this machine lets be set is as it should be."
    if is_gone(state):
        yield f"{_RESTARTED}."
    elif state.changes:
        yield f"set by an earlier apply ({len(state.changes)})"
        yield from (f"  {one.place}: {one.before} -> {one.after}" for one in state.changes)
    if left := left_alone(root):
        yield "not set here"
        yield from (f"  {text}" for text in left)


def _wishes(found: Sequence[Wish]) -> Iterator[str]:
    for (setting, wanted, why), group in groupby(found, key=lambda wish: (wish.setting, wish.wanted, wish.why)):
        yield f"  {setting} -> {wanted}: {why}"
        yield from (f"    {wish.place.name}" for wish in group)


def _fate(one: Reverted) -> str:
    if one.fate is Fate.REVERTED:
        return f"{one.found} -> {one.change.before}"
    if one.fate is Fate.CHANGED:
        return f"{one.fate.value}: {one.found}, not {one.change.after}"
    return f"{one.fate.value} ({one.found})" if one.found else one.fate.value
