"""Whether the specification of a meter can be: files, agents and plug-ins from outside say what they like. Pure."""

import math
from collections.abc import Iterator, Mapping

from mltest.shared.energy.boundary import boundaries
from mltest.shared.energy.domain import Domain
from mltest.shared.energy.meter_spec import MeterSpec
from mltest.shared.errors import BoundaryInvalidError

_MAX_DOMAINS = 512
"""Of one meter: pairs of them are compared."""


def spec_problem(spec: MeterSpec) -> str:
    """Return what cannot be in `spec`, for people; empty if nothing."""
    return next((problem for problem in _problems(spec) if problem), "")


def _problems(spec: MeterSpec) -> Iterator[str]:
    yield _numbers_problem(spec)
    if len(spec.domains) > _MAX_DOMAINS:
        yield f"it has {len(spec.domains)} domains, {_MAX_DOMAINS} are the most"
    if len(spec.by_id) < len(spec.domains):
        ids = [domain.id for domain in spec.domains]
        yield f"two of its numbers are called {next(name for name in ids if ids.count(name) > 1)}"
    yield _sums_problem(spec)
    try:
        boundaries(spec)
    except BoundaryInvalidError as error:
        yield error.message


def _numbers_problem(spec: MeterSpec) -> str:
    least_zero = [spec.averaging_s, spec.coverage_ratio, spec.gain_u_ratio, spec.floor_s, spec.target_ratio]
    above_zero = [spec.update_s, *([] if spec.heartbeat_s is None else [spec.heartbeat_s])]
    for domain in spec.domains:
        least_zero += [domain.resolution, domain.offset_u_w, domain.factor]
        above_zero += [] if domain.wrap_j is None else [domain.wrap_j]
    is_fine = all(number >= 0 for number in least_zero) and all(number > 0 for number in above_zero)
    signed = [domain.added_w for domain in spec.domains]
    are_finite = all(map(math.isfinite, (*least_zero, *above_zero, *signed)))
    return "" if is_fine and are_finite and spec.coverage_ratio <= 1 else "it has numbers that cannot be"


def _sums_problem(spec: MeterSpec) -> str:
    """Say what is wrong with sums: of something unknown, of one thing in two sums, of themselves."""
    sums: dict[str, Domain] = {}
    for domain in spec.domains:
        for part in domain.parts:
            if part not in spec.by_id:
                return f"{domain.id} is the sum of {part}, which it has not"
            if part in sums:
                return f"{part} is counted twice, in {sums[part].id} and in {domain.id}"
            sums[part] = domain
    return next((f"{name} is a part of itself" for name in sums if _is_in_circle(name, sums)), "")


def _is_in_circle(name: str, sums: Mapping[str, Domain]) -> bool:
    seen = {name}
    while name in sums:
        name = sums[name].id
        if name in seen:
            return True
        seen.add(name)
    return False
