"""The child that looks at the machine: it really imports each runtime, so that the agent never has to."""

import importlib
from importlib.metadata import PackageNotFoundError, version

from mltest.agent.host.compilers import compiler_version, read_compilers
from mltest.agent.host.machine import read_host
from mltest.agent.native.compile import COMPILER_REMEDY
from mltest.agent.runtimes.registry import runtime_named, runtimes
from mltest.agent.runtimes.role import RuntimeNeeds
from mltest.shared.child_side import serve
from mltest.shared.domain import RuntimeInfo
from mltest.shared.frames import Frame
from mltest.shared.jsonable import to_jsonable
from mltest.shared.protocol import software_version


def probe_host(frame: Frame) -> Frame:
    """Describe the machine, and name the runtimes to be probed."""
    return {
        "software_version": software_version(),
        "host": to_jsonable(read_host()),
        "compilers": to_jsonable(read_compilers()),
        "runtimes": [{"name": name, "formats": list(known.needs.formats)} for name, known in runtimes().items()],
    }


def probe_runtime(frame: Frame) -> Frame:
    """Import one runtime and describe it."""
    answer: Frame = to_jsonable(_runtime_info(runtime_named(frame["name"]).needs))
    return answer


def _runtime_info(needs: RuntimeNeeds) -> RuntimeInfo:
    remedy = f"pip install 'mltest-fleet[{needs.extra}]'" if needs.extra else ""
    try:
        versions = {package: version(package) for package in needs.packages}
    except PackageNotFoundError as error:
        return _unusable(needs, f"package {error.name} is not installed", remedy)
    try:
        for module in needs.modules:
            importlib.import_module(module)
    except Exception as error:
        # A broken library may raise anything; whatever it is, this runtime is not usable, and the others are.
        return _unusable(needs, f"{type(error).__name__}: {error}"[:500], remedy)
    compiler = compiler_version() if needs.needs_compiler else ""
    if needs.needs_compiler and not compiler:
        return _unusable(needs, "there is no C compiler that works", COMPILER_REMEDY)
    return RuntimeInfo(
        name=needs.name,
        version=compiler or (versions[needs.packages[0]] if needs.packages else ""),
        is_available=True,
        formats=needs.formats,
        package_versions=versions,
    )


def _unusable(needs: RuntimeNeeds, reason: str, remedy: str) -> RuntimeInfo:
    text = f"{reason}; {remedy}" if remedy else reason
    return RuntimeInfo(name=needs.name, is_available=False, reason=text, formats=needs.formats)


if __name__ == "__main__":
    serve({"host": probe_host, "runtime": probe_runtime})
