"""What a machine offers, for people. Pure."""

from collections.abc import Iterator

from mltest.agent.probe.capabilities import Capabilities
from mltest.shared.domain import Gpu, HostInfo, MeterInfo, RuntimeInfo, SandboxInfo
from mltest.shared.units import bytes_text


def described(found: Capabilities) -> str:
    """Return `found` as lines of text."""
    return "\n".join(f"{label:<12}{text}".rstrip() for label, text in _lines(found))


def _lines(found: Capabilities) -> Iterator[tuple[str, str]]:
    host = found.host
    yield "CPU", f"{host.cpu_model} ({host.architecture}), {_cores(host)}"
    if host.emulator:
        yield "Emulated", f"{host.emulator} plays the processor: no time, energy or memory of it is of such a machine"
    yield "Memory", bytes_text(host.memory_bytes)
    yield "System", f"{host.os}, kernel {host.kernel}"
    yield "Sandbox", sandbox_text(found.sandbox)
    yield from (("GPU", _gpu(gpu)) for gpu in host.gpus)
    yield from (("Meter", _meter(meter)) for meter in found.meters)
    yield from (("Compiler", f"{compiler.name}: {compiler.version}") for compiler in found.compilers)
    yield from (("Runtime", _runtime(runtime)) for runtime in found.runtimes)


def sandbox_text(sandbox: SandboxInfo) -> str:
    """Return what holds models, for people."""
    around = f" ({', '.join(sandbox.walls)})" if sandbox.walls else ""
    return f"{sandbox.level.value}{around}" + (f": {sandbox.reason}" if sandbox.reason else "")


def _cores(host: HostInfo) -> str:
    physical = f", {host.physical_cores} physical" if host.physical_cores is not None else ""
    return f"{host.logical_cores} cores{physical}"


def _gpu(gpu: Gpu) -> str:
    memory = f", {bytes_text(gpu.memory_bytes)}" if gpu.memory_bytes is not None else ""
    return f"{gpu.name}{memory}, driver {gpu.driver_version or 'unknown'}"


def _meter(meter: MeterInfo) -> str:
    if not meter.is_available:
        return f"{meter.name}: not usable ({meter.reason}); {meter.remedy}"
    covers = ", ".join(meter.boundaries) or "recorded only"
    return f"{meter.name} ({meter.source}): {covers}{', an estimate' if meter.is_estimate else ''}"


def _runtime(runtime: RuntimeInfo) -> str:
    if not runtime.is_available:
        return f"{runtime.name}: not usable ({runtime.reason})"
    where = " (in its own environment)" if runtime.has_own_environment else ""
    return f"{runtime.name} {runtime.version}{where}: {', '.join(runtime.formats)}"
