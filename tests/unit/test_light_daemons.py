"""No ML library, and nothing that opens models, is ever loaded into a daemon."""

import subprocess
import sys

import pytest

HEAVY = {"joblib", "numpy", "onnx", "onnxruntime", "pyarrow", "scipy", "skl2onnx", "sklearn", "skops", "treelite"}
DAEMONS = {
    "agent": ("mltest.agent.cli", "mltest.agent.daemon", "mltest.agent.runtimes.registry"),
    "coordinator": (
        "mltest.coordinator.cli",
        "mltest.coordinator.home",
        "mltest.coordinator.engine",
        "mltest.coordinator.builder.client",
        "mltest.coordinator.tests.registry",
        "mltest.coordinator.analysis.standings",
        "mltest.coordinator.commands.submit",
        "mltest.coordinator.commands.compare",
        "mltest.coordinator.commands.evaluate",
        "mltest.coordinator.commands.recompute",
        "mltest.coordinator.commands.regress",
    ),
}


def loaded_by(statement: str) -> set[str]:
    command = [sys.executable, "-c", f"{statement}; import sys; print(*{{name.split('.')[0] for name in sys.modules}})"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("daemon", DAEMONS)
def test_importing_a_daemon_loads_no_ml_library(daemon: str) -> None:
    assert loaded_by("import " + ", ".join(DAEMONS[daemon])) & HEAVY == set()


@pytest.mark.parametrize(
    "statement",
    [
        "from mltest.agent.runtimes.registry import runtimes; runtimes()",
        "from mltest.coordinator.tests.registry import registered_tests; registered_tests()",
    ],
)
def test_listing_plug_ins_loads_no_ml_library(statement: str) -> None:
    assert loaded_by(statement) & HEAVY == set()
