"""Classes of machines."""

import pytest

from mltest.agent.host.machine_class import machine_class
from mltest.shared.domain import MachineClass


@pytest.mark.parametrize(
    ("foreign_ratio", "steal_ratio", "cv_ratio", "expected"),
    [
        (0.0, 0.0, 0.0, MachineClass.DEDICATED),
        (0.049, 0.0, 0.019, MachineClass.DEDICATED),
        (0.05, 0.0, 0.0, MachineClass.SHARED),
        (0.0, 0.0, 0.02, MachineClass.SHARED),
        (0.03, 0.03, 0.0, MachineClass.SHARED),
        (0.499, 0.0, 3.0, MachineClass.SHARED),
        (0.5, 0.0, 0.0, MachineClass.NOISY),
        (0.1, 0.45, 0.0, MachineClass.NOISY),
        (0.01, None, 0.01, MachineClass.DEDICATED),
        (None, 0.0, 0.01, MachineClass.UNSPECIFIED),
        (0.01, 0.0, None, MachineClass.UNSPECIFIED),
    ],
)
def test_a_machine_has_the_class_of_what_others_took_and_of_its_evenness(
    foreign_ratio: float | None, steal_ratio: float | None, cv_ratio: float | None, expected: MachineClass
) -> None:
    found = machine_class(foreign_ratio=foreign_ratio, steal_ratio=steal_ratio, canary_cv_ratio=cv_ratio)
    assert found is expected
