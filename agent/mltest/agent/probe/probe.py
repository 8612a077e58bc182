"""Finds out what this machine offers, in child processes, one at a time; a part that fails narrows the offer."""

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from mltest.agent.probe.capabilities import Capabilities, compiler_from_json, host_from_json, runtime_from_json
from mltest.shared.child import Child, ChildLimits
from mltest.shared.domain import HostInfo, RuntimeInfo
from mltest.shared.errors import MltestError
from mltest.shared.frames import Frame
from mltest.shared.protocol import software_version
from mltest.shared.sandbox.trial import tried_sandbox

_LOG = logging.getLogger(__name__)

_MODULE = "mltest.agent.probe.probe_child"
_TIMEOUT_S = 120.0
"""Importing a large library for the first time, from a slow card, takes its time."""


async def probe(folder: Path) -> Capabilities:
    """Return what this machine offers; children work in a folder below `folder`, which is removed again."""
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as below:
        return await _probe_in(Path(below))


async def _probe_in(folder: Path) -> Capabilities:
    sandbox = await tried_sandbox(folder)
    try:
        answer = await _ask(folder, {"command": "host"}, what="looking at the machine")
    except MltestError as error:
        _LOG.warning("the machine could not be looked at: %s", error)
        return Capabilities(software_version=software_version(), host=_bare_host(), sandbox=sandbox)
    runtimes = [await _probed(folder, known) for known in answer["runtimes"]]
    return Capabilities(
        software_version=answer["software_version"],
        host=host_from_json(answer["host"]),
        compilers=tuple(compiler_from_json(compiler) for compiler in answer["compilers"]),
        runtimes=tuple(runtimes),
        sandbox=sandbox,
    )


async def _probed(folder: Path, known: dict[str, Any]) -> RuntimeInfo:
    name, formats = known["name"], tuple(known["formats"])
    try:
        answer = await _ask(folder, {"command": "runtime", "name": name}, what=f"importing {name}")
    except MltestError as error:
        return RuntimeInfo(name=name, is_available=False, reason=error.message, formats=formats)
    return runtime_from_json(answer)


async def _ask(folder: Path, frame: Frame, *, what: str) -> Frame:
    child = await Child.spawn(_MODULE, folder=folder, limits=ChildLimits())
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
