"""Domain values come from their modules, which are imported when they are asked for."""

import subprocess
import sys
from importlib import import_module

import pytest

from mltest.shared import domain


def test_every_name_comes_from_the_module_that_makes_it() -> None:
    assert set(domain._MODULES) == set(domain.__all__)
    for name, module in domain._MODULES.items():
        assert getattr(domain, name) is getattr(import_module(f"{domain.__name__}.{module}"), name)


def test_a_name_that_there_is_not_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"mltest\.shared\.domain.*Nothing"):
        domain.Nothing  # type: ignore[attr-defined]  # noqa: B018 - looking is what fails


def test_a_process_imports_the_modules_that_it_needs() -> None:
    program = "import sys; from mltest.shared.domain import Compiler; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    found = {name for name in told if name.startswith("mltest.shared.domain")}
    assert found == {"mltest.shared.domain", "mltest.shared.domain.agent"}
