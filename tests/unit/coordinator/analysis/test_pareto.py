"""The Pareto front where some differences are known and some are not."""

import random
from collections.abc import Mapping

import pytest

from mltest.coordinator.analysis.pareto import Compare, Order, pareto_front

Values = Mapping[str, tuple[float, ...]]


def exact(values: Values, place: int) -> Compare[str]:
    """Less is better, and every difference is known."""

    def compare(one: str, other: str) -> Order:
        ours, theirs = values[one][place], values[other][place]
        return Order.ALIKE if ours == theirs else Order.BETTER if ours < theirs else Order.WORSE

    return compare


def known(*better: str, otherwise: Order = Order.ALIKE) -> Compare[str]:
    """Of two letters such as "ab" the first is certainly better; `otherwise` holds for the others."""

    def compare(one: str, other: str) -> Order:
        if one + other in better:
            return Order.BETTER
        return Order.WORSE if other + one in better else otherwise

    return compare


@pytest.mark.parametrize("dimension_count", [1, 2, 3, 4])
def test_where_everything_is_known_it_is_the_usual_front(dimension_count: int) -> None:
    draw = random.Random(dimension_count)
    for _ in range(50):
        values = {str(name): tuple(draw.randint(0, 6) for _ in range(dimension_count)) for name in range(12)}
        front = pareto_front(list(values), [exact(values, place) for place in range(dimension_count)])
        expected = {
            name
            for name, own in values.items()
            if not any(
                other != own and all(theirs <= ours for theirs, ours in zip(other, own, strict=True))
                for other in values.values()
            )
        }
        assert set(front.best) == expected
        assert front.beaten_by.keys() == values.keys() - expected
        for name, beating in front.beaten_by.items():
            assert beating
            assert all(
                values[one] != values[name] and all(a <= b for a, b in zip(values[one], values[name], strict=True))
                for one in beating
            )


def test_a_tie_in_one_thing_does_not_save_who_is_worse_in_another() -> None:
    assert pareto_front("ab", [known(), known("ab")]).best == ("a",)


def test_nobody_is_beaten_who_may_be_better_in_something() -> None:
    front = pareto_front("ab", [known(otherwise=Order.UNKNOWN), known("ab")])
    assert front.best == ("a", "b")
    assert front.beaten_by == {}


def test_nobody_is_beaten_without_a_claim() -> None:
    assert pareto_front("abc", [known(), known()]).best == ("a", "b", "c")
    assert pareto_front("abc", []).best == ("a", "b", "c")


def test_who_beat_each_other_in_a_circle_are_all_on_the_front() -> None:
    circle = [known("ab"), known("bc"), known("ca")]
    assert pareto_front("abc", circle).best == ("a", "b", "c")


def test_a_circle_that_somebody_beats_is_not_on_the_front() -> None:
    dimensions = [known("ab", "da"), known("bc"), known("ca")]
    front = pareto_front("abcd", dimensions)
    assert front.best == ("d",)
    assert front.beaten_by == {"a": ("d",), "b": ("d",), "c": ("d",)}, "directly, or through who is beaten"


def test_whoever_is_in_the_middle_of_a_chain_of_ties_is_beaten_only_by_a_claim() -> None:
    front = pareto_front("abc", [known("ac")])
    assert front.best == ("a", "b")
    assert front.beaten_by == {"c": ("a",)}


def test_nobody_gives_an_empty_front() -> None:
    assert pareto_front("", [known()]).best == ()
