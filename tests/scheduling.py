"""Which worker of pytest-xdist runs what: the tests of a file, or of a group of files, together; the longest first.

A plug-in. What a file sets up once for all of its tests is then set up once, and what is timed is not disturbed by its
like. The scheduler of pytest-xdist 3.8 that knows groups finds none of them with pytest 9.2.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

_ROOT = Path(__file__).resolve().parents[1]
_GROUP = re.compile(r'xdist_group\("([^"]+)"\)')
SECONDS: Mapping[str, float] = {
    "network": 190,
    "agent": 110,
    "trust": 70,
    "abuse": 65,
    "booted": 60,
    "tests/integration/test_hostile_models.py": 60,
    "tests/integration/test_engine.py": 60,
    "tests/integration/test_engine_restart.py": 50,
    "tests/contract/test_runtimes.py": 45,
    "tests/system/test_interrupting.py": 42,
    "tests/contract/test_c_sources.py": 40,
    "tests/system/test_leases_between_coordinators.py": 40,
    "agent-calls": 40,
    "tests/integration/test_command_line.py": 40,
    "tests/integration/test_lossy_job.py": 38,
    "tests/contract/test_coordinator_api.py": 38,
    "tests/unit/agent/environments/test_install.py": 38,
    "tests/system/test_poison.py": 36,
    "tests/integration/test_engine_agents.py": 35,
    "tests/system/test_partitioned_lease.py": 35,
    "tests/integration/test_builder.py": 30,
    "tests/integration/test_compare_command.py": 30,
    "tests/integration/test_old_against_new.py": 30,
    "tests/integration/test_agent_outbox.py": 30,
    "selftest": 30,
    "silent peers": 30,
    "tests/system/test_building_survives.py": 28,
    "kills": 26,
    "tests/integration/test_versions.py": 26,
    "tests/system/test_daemons_open_nothing.py": 25,
    "tests/integration/test_families.py": 25,
    "node": 24,
    "tests/system/test_hostile_jobs.py": 22,
    "tests/integration/test_upload_faults.py": 20,
    "tests/system/test_many_agents.py": 20,
    "tests/contract/test_exporters.py": 20,
    "tests/contract/test_transforms.py": 20,
    "tests/integration/test_worth_of_a_model.py": 18,
    "tests/integration/test_agent_disk.py": 16,
    "tests/integration/test_engine_disk.py": 15,
    "tests/unit/shared/test_codec.py": 15,
    "tests/contract/test_c_networks.py": 14,
    "tests/integration/test_lossless_recipes.py": 12,
    "tests/contract/test_library_transforms.py": 12,
    "tests/integration/test_robustness_change.py": 12,
    "tests/integration/test_cancelling.py": 10,
    "tests/integration/test_examining.py": 10,
    "tests/system/test_cancel_under_load.py": 8,
    "tests/integration/test_quantised_networks.py": 6,
    "tests/contract/test_launchers.py": 6,
}
"""About how long the tests of a file or group take; those of others take less."""


def scope_of(nodeid: str) -> str:
    """Return the group of the test's file, or else the path of the file."""
    return _scope_of_file(nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "LoadScopeScheduling":
    """Return a scheduler that gives a scope to one worker, in the order in which scopes were collected."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order scopes by how long they take, where there are workers to share them."""
    if hasattr(config, "workerinput"):
        positions = {scope: position for position, scope in enumerate(dict.fromkeys(scope_of(i.nodeid) for i in items))}
        items.sort(key=lambda item: (-SECONDS.get(scope_of(item.nodeid), 0.0), positions[scope_of(item.nodeid)]))


@cache
def _scope_of_file(path: str) -> str:
    file = _ROOT / path
    found = _GROUP.search(file.read_text()) if file.is_file() else None
    return found.group(1) if found else path
