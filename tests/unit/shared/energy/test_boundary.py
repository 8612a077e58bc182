"""What may be added up, and what may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltest.shared.energy.boundary import Boundary, boundaries, contains
from mltest.shared.energy.domain import Domain, Scope
from mltest.shared.energy.meter_spec import MeterKind, MeterSpec
from mltest.shared.errors import BoundaryInvalidError
from tests.unit.shared.energy.meters import COUNTER

RAILS = MeterSpec(
    meter="rails",
    source="made up",
    kind=MeterKind.POWER,
    update_s=0.01,
    domains=(
        Domain(id="board", scope=Scope.BOARD, parts=("rail.A", "rail.B"), factor=1.5, added_w=0.5, offset_u_w=0.4),
        Domain(id="rail.A", scope=Scope.RAIL, parent="board", resolution=0.3, offset_u_w=0.2),
        Domain(id="rail.B", scope=Scope.RAIL, parent="board", resolution=0.4),
        Domain(id="rail.C", scope=Scope.RAIL, parent="rail.B"),
    ),
)


@pytest.mark.parametrize(
    ("spec", "ids"),
    [
        (COUNTER, ("cpu.package-0", "cpu.package-0.core")),
        (COUNTER, ("cpu.package-0.core", "cpu.package-0")),
        (COUNTER, ("cpu.package-0", "cpu.package-0")),
        (RAILS, ("board", "rail.C")),
        (RAILS, ("rail.B", "rail.C")),
        (RAILS, ("rail.A", "board")),
    ],
)
def test_what_shares_energy_cannot_be_added(spec: MeterSpec, ids: tuple[str, ...]) -> None:
    with pytest.raises(BoundaryInvalidError, match="share energy"):
        Boundary(spec, "made up", ids)


def test_what_a_meter_does_not_have_is_no_boundary() -> None:
    with pytest.raises(BoundaryInvalidError, match=r"counter has no gpu\.0, but cpu\.package-0, "):
        Boundary(COUNTER, "gpu.0", ("gpu.0",))
    with pytest.raises(BoundaryInvalidError, match="covers nothing"):
        Boundary(COUNTER, "nothing", ())


def test_what_lies_beside_each_other_can_be_added() -> None:
    both = Boundary(RAILS, "made up", ("rail.A", "rail.C"))

    assert [domain.id for domain, _ in both.leaves] == ["rail.A", "rail.C"]


def test_parts_are_read_in_place_of_their_sum() -> None:
    board = Boundary(RAILS, "board", ("board",))

    assert [(domain.id, factor) for domain, factor in board.leaves] == [("rail.A", 1.5), ("rail.B", 1.5)]
    assert board.added_w == 0.5
    assert board.resolution == pytest.approx(1.5 * 0.5)
    assert board.offset_u_w == pytest.approx(0.5)


def test_packages_with_their_memory_are_offered_and_single_rails_are_not() -> None:
    assert [(one.name, one.domain_ids) for one in boundaries(COUNTER)] == [
        ("cpu.package+dram", ("cpu.package-0", "cpu.package-0.dram"))
    ]
    assert [one.name for one in boundaries(RAILS)] == ["board"]


@st.composite
def forests(draw: st.DrawFn) -> MeterSpec:
    """Return a meter whose domains have any parents before them."""
    count = draw(st.integers(1, 8))
    parents = [draw(st.integers(-1, index - 1)) for index in range(count)]
    domains = tuple(
        Domain(id=f"d{index}", scope=Scope.RAIL, parent="" if parent < 0 else f"d{parent}")
        for index, parent in enumerate(parents)
    )
    return MeterSpec(meter="any", source="made up", kind=MeterKind.COUNTER, domains=domains, update_s=1.0)


@given(forests(), st.data())
def test_no_boundary_holds_a_parent_and_its_child(spec: MeterSpec, data: st.DataObject) -> None:
    ids = tuple(data.draw(st.lists(st.sampled_from([domain.id for domain in spec.domains]), min_size=1, max_size=4)))
    shares = len(set(ids)) < len(ids) or any(_ancestor(spec, one, other) for one in ids for other in ids)

    if shares:
        with pytest.raises(BoundaryInvalidError):
            Boundary(spec, "any", ids)
    else:
        assert Boundary(spec, "any", ids).domain_ids == ids


def _ancestor(spec: MeterSpec, outer: str, inner: str) -> bool:
    parent = spec.by_id[inner].parent
    return bool(parent) and (parent == outer or _ancestor(spec, outer, parent))


def test_a_circle_of_parents_ends() -> None:
    circle = MeterSpec(
        meter="circle",
        source="made up",
        kind=MeterKind.COUNTER,
        update_s=1.0,
        domains=(Domain(id="a", scope=Scope.RAIL, parent="b"), Domain(id="b", scope=Scope.RAIL, parent="a")),
    )

    assert contains(circle, "a", "b")
