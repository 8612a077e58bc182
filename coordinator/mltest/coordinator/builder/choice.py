"""Which candidates of the product a plan wants: by runtime, transform, name and number. Pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.registry import nearest
from mltest.shared.domain import Candidate
from mltest.shared.errors import PlanInvalidError

UNTRANSFORMED = "none"
"""Names the model as submitted among transforms."""
EVERY_TRANSFORM = "all"
"""Names the model as submitted and all that is made of it."""
_NAMED = 10
"""How many of those left out a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A candidate that could be made and is not."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is made, in the order of the product, and what is not."""

    kept: tuple[Candidate, ...]
    """The baseline is always among them."""
    left_out: tuple[LeftOut, ...]


def choose(
    candidates: Sequence[Candidate],
    plan: Plan,
    on_request: Collection[str] = (),
    *,
    transforms: Sequence[str] | None = None,
) -> Choice:
    """Return which of `candidates` the plan wants; the native baseline is never left out.

    Args:
        candidates: the whole product.
        plan: what is wanted.
        on_request: identities of those that are made only where the plan asks for them.
        transforms: names and labels in the place of those of the plan, which may have sizes.

    Raises:
        PlanInvalidError: the plan wants names only that no candidate has.

    """
    reasons: dict[str, str] = {}
    names = set(plan.transforms if transforms is None else transforms)
    for candidate in candidates:
        if not candidate.is_baseline and (reason := _unwanted(candidate, plan, names, on_request)):
            reasons[candidate.candidate_id] = reason
    _check_only(candidates, plan)
    wanted = [candidate for candidate in candidates if candidate.candidate_id not in reasons]
    reasons |= dict.fromkeys(_beyond(wanted, plan.max_candidates), f"max_candidates is {plan.max_candidates}")
    return Choice(
        kept=tuple(candidate for candidate in candidates if candidate.candidate_id not in reasons),
        left_out=tuple(
            LeftOut(candidate=candidate, reason=reasons[candidate.candidate_id])
            for candidate in candidates
            if candidate.candidate_id in reasons
        ),
    )


def left_out_texts(left_out: Sequence[LeftOut]) -> Iterator[str]:
    """Yield for each reason one sentence: how many are left out, and the first of them."""
    labels: dict[str, list[str]] = {}
    for one in left_out:
        labels.setdefault(one.reason, []).append(one.candidate.label)
    for reason, found in labels.items():
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        noun = "candidate is" if len(found) == 1 else "candidates are"
        yield f"{len(found)} {noun} left out ({reason}): {'; '.join(found[:_NAMED])}{more}"


def check_names(wanted: Sequence[str], valid: Sequence[str], *, noun: str) -> None:
    """Raise PlanInvalidError, with the nearest valid name, if one of `wanted` is none."""
    for name in wanted:
        if name not in valid:
            raise PlanInvalidError(detail=f"no {noun} {name!r}; {nearest(name, valid)}")


def _unwanted(candidate: Candidate, plan: Plan, transforms: set[str], on_request: Collection[str]) -> str:
    if plan.runtimes and candidate.runtime not in plan.runtimes:
        return f"runtimes are {', '.join(plan.runtimes)}"
    is_open = plan.transforms or any(_names_transform(glob, candidate) for glob in plan.only)
    if candidate.transform and not is_open and (_fits(candidate, plan.only) or not plan.only):
        return f"--transform {EVERY_TRANSFORM}, in a plan transforms, makes them too"
    if candidate.candidate_id in on_request and not (plan.only or EVERY_TRANSFORM in plan.transforms):
        return f"--only, or --transform {EVERY_TRANSFORM}, makes them too"
    if plan.transforms and not _transform_names(candidate) & transforms:
        return f"transforms are {', '.join(plan.transforms)}"
    if plan.only and not _fits(candidate, plan.only):
        return f"only {', '.join(plan.only)}"
    if found := next((glob for glob in plan.skip if _fits(candidate, (glob,))), ""):
        return f"skip {found}"
    return ""


def _transform_names(candidate: Candidate) -> set[str]:
    """Return what names its transform in a plan: "prune-trees 32", "prune-trees" and "all"."""
    own = {candidate.transform, candidate.transform.partition(" ")[0]} if candidate.transform else {UNTRANSFORMED}
    return {*own, EVERY_TRANSFORM}


def _fits(candidate: Candidate, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in (candidate.label, candidate.candidate_id))


def _names_transform(glob: str, candidate: Candidate) -> bool:
    """Return whether a pattern asks for what a candidate is made of: it would not fit the model as submitted."""
    plain = candidate.label.replace(f", {candidate.transform}", "", 1)
    return _fits(candidate, (glob,)) and not fnmatchcase(plain, glob)


def _check_only(candidates: Sequence[Candidate], plan: Plan) -> None:
    if plan.only and not any(_fits(candidate, plan.only) for candidate in candidates):
        labels = [candidate.label for candidate in candidates]
        raise PlanInvalidError(
            detail=f"none of {len(labels)} candidates is called {', '.join(plan.only)}; {nearest(plan.only[0], labels)}"
        )


def _beyond(candidates: Sequence[Candidate], limit: int) -> Iterator[str]:
    """Yield the identities of those that are too many; one that cannot be made costs nothing and is not counted."""
    costly = [candidate for candidate in candidates if not candidate.reason]
    if limit and len(costly) > limit:
        kept = {candidate.candidate_id for candidate in spread(costly)[:limit]}
        yield from (candidate.candidate_id for candidate in costly if candidate.candidate_id not in kept)


def spread(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return `candidates` in an order of which every beginning covers as much as it can.

    The baseline, then each runtime as it is, then each with one change (a variant, a transform, more threads), where
    the changes that were tried least come first. Those that mean to change predictions come behind all that do not.
    """
    waiting = sorted(candidates, key=lambda candidate: not candidate.is_baseline)
    order: list[Candidate] = []
    runtimes: Counter[str] = Counter()
    changes: Counter[tuple[str, str]] = Counter()

    def cost(candidate: Candidate) -> tuple[bool, int, int, int]:
        found = _changes(candidate)
        return candidate.is_lossy, runtimes[candidate.runtime], len(found), sum(changes[change] for change in found)

    while waiting:
        best = min(waiting, key=cost) if order else waiting[0]
        waiting.remove(best)
        order.append(best)
        runtimes[best.runtime] += 1
        changes.update(_changes(best))
    return tuple(order)


def _changes(candidate: Candidate) -> tuple[tuple[str, str], ...]:
    """Return in what the candidate differs from the plainest one of its runtime."""
    found = (
        ("variant", candidate.variant),
        ("transform", candidate.transform),
        ("threads", "" if candidate.threads == 1 else str(candidate.threads)),
    )
    return tuple(change for change in found if change[1])
