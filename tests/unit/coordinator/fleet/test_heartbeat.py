"""How often a lease is renewed, whatever length an agent claims for it."""

import pytest

from mltest.coordinator.fleet.session import heartbeat_s


@pytest.mark.parametrize(
    ("ttl_s", "expected_s"),
    [
        pytest.param(60.0, 10.0, id="the usual lease"),
        pytest.param(3600.0, 10.0, id="a long one: who does not answer is noticed as soon"),
        pytest.param(6.0, 2.0, id="a short one: three times before it ends"),
        pytest.param(0.0, 1.0, id="none: nobody is flooded"),
    ],
)
def test_a_lease_is_renewed_several_times_before_it_ends_and_nobody_is_flooded(ttl_s: float, expected_s: float) -> None:
    assert heartbeat_s(ttl_s) == expected_s
