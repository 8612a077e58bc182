"""What a machine offers, and the digest that says whether it changed. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mltest.shared.domain import (
    UNKNOWN_SANDBOX,
    AgentInfo,
    Compiler,
    Gpu,
    HostInfo,
    MeterInfo,
    RuntimeInfo,
    SandboxInfo,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a machine offers."""

    software_version: str
    host: HostInfo
    compilers: tuple[Compiler, ...] = ()
    runtimes: tuple[RuntimeInfo, ...] = ()
    """Every one that this software knows of, usable or not."""
    sandbox: SandboxInfo = UNKNOWN_SANDBOX
    """What holds models here."""
    meters: tuple[MeterInfo, ...] = ()
    """What reads energy here, and what would with a grant."""

    def package_versions(self) -> dict[str, str]:
        """Return the versions of the packages of all usable runtimes; those of another environment are named so."""
        return {
            f"{name} ({runtime.name})" if runtime.has_own_environment else name: version
            for runtime in self.runtimes
            for name, version in runtime.package_versions.items()
        }


def capability_digest(info: AgentInfo) -> str:
    """Return the SHA-256 over everything in `info` that decides what it can run: all but its identity."""
    facts = {key: value for key, value in asdict(info).items() if key not in _IDENTITY}
    facts["sandbox"]["level"] = info.sandbox.level.value
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def host_from_json(content: Mapping[str, Any]) -> HostInfo:
    """Return the machine in `content`; by hand, because the library for it would stay in the agent's memory."""
    gpus = tuple(Gpu(**gpu) for gpu in content["gpus"])
    return HostInfo(**{**content, "cpu_features": tuple(content["cpu_features"]), "gpus": gpus})


def compiler_from_json(content: Mapping[str, Any]) -> Compiler:
    """Return the compiler in `content`."""
    return Compiler(**content)


def meter_from_json(content: Mapping[str, Any]) -> MeterInfo:
    """Return the meter in `content`."""
    return MeterInfo(**{**content, "boundaries": tuple(content["boundaries"])})


def runtime_from_json(content: Mapping[str, Any]) -> RuntimeInfo:
    """Return the runtime in `content`."""
    return RuntimeInfo(**{**content, "formats": tuple(content["formats"])})


_IDENTITY = {"agent_id", "name", "capability_digest", "instance_id"}
