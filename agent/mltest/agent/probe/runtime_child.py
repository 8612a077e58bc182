"""The child that really imports a runtime, in the environment in which it would run, so that the agent never has to.

That environment holds the runtime's own packages only: nothing but the standard library is imported here for ourselves.
"""

import importlib
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError

from mltest.agent.host.compilers import compiler_version
from mltest.agent.host.cuda_driver import cuda_obstacle
from mltest.agent.probe.installed import installed_versions
from mltest.agent.runtimes.registry import runtime_named
from mltest.agent.runtimes.role import ProvenRuntime, Runtime, RuntimeNeeds
from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.domain import RuntimeInfo
from mltest.shared.native.artifact_flags import LANGUAGES
from mltest.shared.native.compiler import REMEDIES


def probe_runtime(frame: Frame) -> Frame:
    """Import one runtime and describe it."""
    runtime = runtime_named(frame["name"])
    failure = f"installing it failed: {frame['failure']}" if frame["failure"] else ""
    return asdict(_runtime_info(runtime, [failure, frame["remedy"] or runtime.needs.remedy]))


def _runtime_info(runtime: Runtime, remedies: list[str]) -> RuntimeInfo:
    needs = runtime.needs
    if needs.machines and platform.machine() not in needs.machines:
        return _unusable(needs, f"there are no wheels of {needs.packages[0]} for {platform.machine()}")
    # First: without a GPU nobody should install gigabytes.
    if needs.needs_gpu and (reason := cuda_obstacle()):
        return _unusable(needs, reason)
    try:
        versions = installed_versions(needs)
    except PackageNotFoundError as error:
        return _unusable(needs, f"package {error.name} is not installed", *remedies)
    try:
        for module in needs.modules:
            importlib.import_module(module)
    except Exception as error:
        # A broken library may raise anything; whatever it is, this runtime is not usable, and the others are.
        return _unusable(needs, f"{type(error).__name__}: {error}"[:500], *remedies)
    if isinstance(runtime, ProvenRuntime) and (reason := runtime.obstacle()):
        return _unusable(needs, reason)
    # What is no source is compiled by a library, in C++.
    language = LANGUAGES.get(needs.formats[0], "c++")
    compiler = compiler_version(language) if needs.needs_compiler else ""
    if needs.needs_compiler and not compiler:
        return _unusable(needs, f"there is no {language.upper()} compiler that works", REMEDIES[language])
    return RuntimeInfo(
        name=needs.name,
        version=_version(needs, compiler, next(iter(versions.values()), "")),
        is_available=True,
        formats=needs.formats,
        package_versions=versions,
    )


def _version(needs: RuntimeNeeds, compiler: str, library: str) -> str:
    """Return the version of what computes: the compiler's for sources, both where a library has something compiled."""
    if compiler and needs.formats[0] in LANGUAGES:
        return compiler
    return f"{library}, {compiler}" if compiler else library


def _unusable(needs: RuntimeNeeds, reason: str, *remedies: str) -> RuntimeInfo:
    text = "; ".join(filter(None, (reason, *remedies)))
    return RuntimeInfo(name=needs.name, is_available=False, reason=text, formats=needs.formats)


if __name__ == "__main__":
    serve({"runtime": probe_runtime})
