"""Libraries of runtimes that have an environment of their own on this machine, for tests in this process.

Workers get them in a process of their own. Here they are behind everything else on the path: what both environments
hold comes from that of the tests, in the same version, since both are pinned by the same file.
"""

import importlib
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from mltest.agent.environments.environments import Environments, environments_of_machine
from mltest.agent.host.cuda_driver import cuda_obstacle
from mltest.agent.probe.installed import installed_versions
from mltest.agent.runtimes.registry import runtime_named, runtimes
from mltest.agent.runtimes.role import RuntimeNeeds
from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.coordinator.builder.exporters.tool import absence_of
from mltest.shared.native.onnx_on_gpu import ONNXRUNTIME_CUDA

APART = ("daal4py", "openvino", "lleaves", "torch", "litert")
"""In an order in which one process can import them: libtbb of OpenVINO lacks a symbol that daal4py needs."""

_ENVIRONMENTS = Environments(environments_of_machine())


def add_own_environments() -> None:
    """Let this process import what those environments hold."""
    if (folder := _ENVIRONMENTS.folder_of(ONNXRUNTIME_CUDA)) and not cuda_obstacle():
        # It has the module of onnxruntime, which runs on the processor as well: there is room for one of the two.
        sys.path[:0] = [str(place) for place in folder.glob("lib/python*/site-packages") if _fits(place)]
    for name in APART:
        folder = _ENVIRONMENTS.folder_of(name)
        places = sorted(folder.glob("lib/python*/site-packages")) if folder else []
        sys.path.extend(str(place) for place in places if _fits(place) and str(place) not in sys.path)
        needs = runtimes()[name].needs
        if is_installed(needs):
            importlib.import_module(needs.modules[0])


def is_installed(needs: RuntimeNeeds) -> bool:
    """Return whether this process can import what a runtime needs."""
    try:
        return bool(installed_versions(needs))
    except PackageNotFoundError:
        return False


def skipped_unless_installed(needs: RuntimeNeeds) -> pytest.MarkDecorator:
    """Return the mark of a test that needs a runtime."""
    return pytest.mark.skipif(not is_installed(needs), reason=needs.remedy)


def skipped_unless_made_and_run(needs: ExporterNeeds) -> tuple[pytest.MarkDecorator, ...]:
    """Return the marks of a test that makes an artifact and runs it."""
    made = pytest.mark.skipif(bool(absence_of(needs)), reason=absence_of(needs))
    return made, skipped_unless_installed(runtime_named(needs.runtimes[0]).needs)


def _fits(place: Path) -> bool:
    return place.parent.name == f"python{sys.version_info[0]}.{sys.version_info[1]}"
