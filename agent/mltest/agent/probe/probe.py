"""Finds out what this machine offers, in child processes; a part that fails narrows the offer."""

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mltest.agent.environments.environments import Environments, environment_of
from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.agent.launch.role import Launcher, WorkerRoom
from mltest.agent.meters.role import MeterSite, plugs_of_variable
from mltest.agent.probe.capabilities import (
    Capabilities,
    compiler_from_json,
    host_from_json,
    meter_from_json,
    runtime_from_json,
)
from mltest.agent.probe.offer import NOT_OFFERED, is_offered
from mltest.shared.children.child import Child, ChildLimits
from mltest.shared.children.frames import Frame
from mltest.shared.domain import UNKNOWN_SANDBOX, HostInfo, RuntimeInfo
from mltest.shared.errors import InfrastructureError, MltestError
from mltest.shared.protocol import software_version
from mltest.shared.sandbox.trial import tried_sandbox

_LOG = logging.getLogger(__name__)

_MODULE = "mltest.agent.probe.probe_child"
_RUNTIME_MODULE = "mltest.agent.probe.runtime_child"
_TIMEOUT_S = 120.0
"""Importing a large library for the first time, from a slow card, takes its time."""


async def probe(
    folder: Path,
    launcher: Launcher | None = None,
    environments: Environments | None = None,
    *,
    offered: Sequence[str] = (),
    meter_site: MeterSite | None = None,
) -> Capabilities:
    """Return what this machine offers; children work in a folder below `folder`, which is removed again.

    The machine is looked at by a child of this process; sandbox and runtimes are tried where `launcher` starts workers,
    and each runtime in the interpreter that `environments` names for it. Runtimes that `offered` does not name are
    listed and not imported; the pinned reference is always offered. If it names none, all are. Meters are looked for at
    `meter_site`, by default on this machine, with the plugs that its environment names.
    """
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as below:
        site = meter_site or MeterSite(plugs=tuple(plugs_of_variable(os.environ)))
        return await _probe_in(Path(below), launcher or ExecLauncher(), environments or Environments(), offered, site)


async def _probe_in(
    folder: Path, launcher: Launcher, environments: Environments, offered: Sequence[str], site: MeterSite
) -> Capabilities:
    found, known = await _looked_at(folder, site)
    room = launcher.room(folder)
    try:
        await room.open()
        sandbox = await tried_sandbox(folder, partial(room.spawn, environment={}))
        runtimes = [
            await _probed(room, runtime, environments)
            if is_offered(runtime["name"], offered)
            else _unusable(runtime, NOT_OFFERED)
            for runtime in known
        ]
    except InfrastructureError as error:
        _LOG.error("no runtime can be used, because workers cannot be started: %s", error)
        sandbox, runtimes = UNKNOWN_SANDBOX, [_unusable(runtime, error.message) for runtime in known]
    finally:
        await room.close()
    return replace(found, sandbox=sandbox, runtimes=tuple(runtimes))


async def _looked_at(folder: Path, site: MeterSite) -> tuple[Capabilities, Sequence[dict[str, Any]]]:
    """Return what the machine is, and which runtimes this software knows of."""
    try:
        child = await ExecLauncher().room(folder).spawn(_MODULE, limits=ChildLimits(), environment={})
        frame = {
            "command": "host",
            "plugs": list(site.plugs),
            "root": str(site.root),
            "simulated_w": site.simulated_w,
        }
        answer = await _ask(child, frame, what="looking at the machine")
    except MltestError as error:
        _LOG.warning("the machine could not be looked at: %s", error)
        return Capabilities(software_version=software_version(), host=_bare_host()), ()
    found = Capabilities(
        software_version=answer["software_version"],
        host=host_from_json(answer["host"]),
        compilers=tuple(compiler_from_json(compiler) for compiler in answer["compilers"]),
        meters=tuple(meter_from_json(meter) for meter in answer["meters"]),
    )
    return found, answer["runtimes"]


async def _probed(room: WorkerRoom, known: dict[str, Any], environments: Environments) -> RuntimeInfo:
    name = known["name"]
    python = environments.python_of(name)
    remedy = "" if python is None else f"mltest-agent runtimes install {environment_of(name)}"
    try:
        child = await room.spawn(_RUNTIME_MODULE, limits=ChildLimits(), environment={}, python=python)
        frame = {"command": "runtime", "name": name, "remedy": remedy, "failure": environments.failure_of(name)}
        answer = await _ask(child, frame, what=f"importing {name}")
    except InfrastructureError:
        raise
    except MltestError as error:
        reason = f"{error.message}; {remedy}" if remedy else error.message
        return replace(_unusable(known, reason), has_own_environment=python is not None)
    return replace(runtime_from_json(answer), has_own_environment=python is not None)


def _unusable(known: dict[str, Any], reason: str) -> RuntimeInfo:
    return RuntimeInfo(name=known["name"], is_available=False, reason=reason, formats=tuple(known["formats"]))


async def _ask(child: Child, frame: Frame, *, what: str) -> Frame:
    try:
        return await child.request(frame, timeout_s=_TIMEOUT_S, what=what)
    finally:
        await child.kill()


def _bare_host() -> HostInfo:
    system = os.uname()
    return HostInfo(
        architecture=system.machine,
        cpu_model="unknown",
        logical_cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        os=system.sysname,
        kernel=system.release,
    )
