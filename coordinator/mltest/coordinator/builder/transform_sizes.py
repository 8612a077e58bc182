"""Sizes of transforms as a user names them, `prune-trees=8,16,1/4`, and the variants that they give. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mltest.coordinator.builder.surgery.amount import amount_text
from mltest.coordinator.builder.transforms.role import TransformNeeds
from mltest.coordinator.builder.variant import SIZE, Variant
from mltest.coordinator.tests.registry import nearest
from mltest.shared.errors import PlanInvalidError

_MOST_SIZES = 32
"""Of one transform: each of them multiplies every exporter and runtime."""
_AMOUNT = "[0-9/]+"
"""Pattern of a size as `amount_text` writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizedName:
    """A transform with the sizes that are wanted of it."""

    name: str
    """Of the transform, or of one of its ways: "prune-trees", "prune-trees reduced-error"."""
    sizes: tuple[str, ...]
    """Each once, in one way of writing: "8", "1/4"."""


def sized_name(text: str) -> SizedName | None:
    """Return what `NAME=SIZE[,SIZE...]` says; None if `text` is a mere name.

    Raises:
        PlanInvalidError: a size is neither a number nor a share, or there are too many.

    """
    name, sign, listed = text.partition("=")
    if not sign:
        return None
    sizes = tuple(dict.fromkeys(amount_text(size.strip()) for size in listed.split(",")))
    if len(sizes) > _MOST_SIZES:
        raise PlanInvalidError(detail=f"{name} has {len(sizes)} sizes; {_MOST_SIZES} is the most")
    return SizedName(name=name.strip(), sizes=sizes)


def with_sizes(known: Sequence[TransformNeeds], wanted: Sequence[str]) -> tuple[TransformNeeds, ...]:
    """Return `known` with the sizes that `wanted` names instead of their own; what names none is left alone.

    Raises:
        PlanInvalidError: a transform that there is not, or that has no size, is given one.

    """
    asked = [found for text in wanted if (found := sized_name(text)) is not None]
    names = tuple(name for needs in known for name in sized_names(needs))
    for found in asked:
        if found.name not in names:
            raise PlanInvalidError(detail=f"no transform {found.name!r} takes sizes; {nearest(found.name, names)}")
    return tuple(replace(needs, variants=_variants(needs, asked)) for needs in known)


def wanted_labels(known: Sequence[TransformNeeds], wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the names in `wanted`, with the labels of single variants in the place of names that have sizes.

    Args:
        known: as `with_sizes` returns them.
        wanted: of the plan.

    """
    return tuple(label for text in wanted for label in _labels(known, text))


def sized_names(needs: TransformNeeds) -> tuple[str, ...]:
    """Return the names that may be given sizes: the transform's, and those of its ways."""
    ways = (_way(needs, template) for template in needs.templates)
    return tuple(dict.fromkeys((needs.name, *ways))) if needs.templates else ()


def sized_variant(needs: TransformNeeds, label: str) -> Variant | None:
    """Return the variant that `label` names, whatever its size; None if there is none."""
    for template in needs.templates:
        pattern = re.escape(f"{needs.name} {template.name}").replace(re.escape(SIZE), f"(?P<size>{_AMOUNT})")
        if found := re.fullmatch(pattern, label):
            return template.of_size(amount_text(found["size"]))
    return None


def _variants(needs: TransformNeeds, asked: Sequence[SizedName]) -> tuple[Variant, ...]:
    if not any(found.name in sized_names(needs) for found in asked):
        return needs.variants
    made: list[Variant] = []
    for template in needs.templates:
        sizes = tuple(dict.fromkeys(size for found in asked if _fits(needs, template, found) for size in found.sizes))
        own = [one for one in needs.variants if _is_of(template, one.name)]
        made += [template.of_size(size) for size in sizes] or own
    return tuple(made)


def _is_of(template: Variant, name: str) -> bool:
    """Return whether `name` is that of `template` with some size."""
    return re.fullmatch(re.escape(template.name).replace(re.escape(SIZE), _AMOUNT), name) is not None


def _fits(needs: TransformNeeds, template: Variant, found: SizedName) -> bool:
    return found.name in (needs.name, _way(needs, template))


def _way(needs: TransformNeeds, template: Variant) -> str:
    """Return the name of a template without its size: "prune-trees reduced-error"."""
    words = f"{needs.name} {template.name}".replace(SIZE, " ").split()
    return " ".join(words)


def _labels(known: Sequence[TransformNeeds], text: str) -> Iterator[str]:
    found = sized_name(text)
    if found is None:
        yield text
        return
    for needs in known:
        for template in needs.templates:
            if _fits(needs, template, found):
                yield from (f"{needs.name} {template.of_size(size).name}" for size in found.sizes)
