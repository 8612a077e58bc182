"""What an agent says of itself, and how a coordinator sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU."""

    name: str
    """Product name."""
    memory_bytes: int | None = None
    """None where it is shared with the CPU or not readable."""
    driver_version: str = ""
    """Empty where it is not readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInfo:
    """The machine that an agent runs on."""

    architecture: str
    """As the kernel names it: x86_64, aarch64, armv7l."""
    cpu_model: str
    """As the kernel names it."""
    cpu_features: tuple[str, ...] = ()
    """Instruction set extensions as the kernel names them: avx2, asimd."""
    physical_cores: int | None = None
    """None where the kernel does not say."""
    logical_cores: int
    """Cores that the scheduler sees."""
    memory_bytes: int
    """Installed memory."""
    os: str
    """Operating system and its version."""
    kernel: str
    """Kernel release."""
    gpus: tuple[Gpu, ...] = ()
    emulator: str = ""
    """What plays a processor of that architecture: qemu-aarch64; empty where nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A compiler on the path."""

    name: str
    """Command: gcc, clang."""
    version: str
    """First line of its version output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeInfo:
    """A runtime that an agent knows of, usable or not."""

    name: str
    """As in recipes: scikit-learn, onnxruntime, treelite."""
    version: str = ""
    """Empty if it is not usable."""
    is_available: bool
    reason: str = ""
    """Why it cannot be used, and what would mend that; empty if it can."""
    formats: tuple[str, ...] = ()
    """Artifact formats that it takes."""
    package_versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that it needs."""
    has_own_environment: bool = False
    """Whether it runs in a virtual environment of its own, not in that of the agent."""


class SandboxLevel(Enum):
    """How well the processes are held in which an agent opens models; a later member is better."""

    UNSPECIFIED = "unspecified"
    NONE = "none"
    """A model may read files and use the network as the agent may."""
    DEGRADED = "degraded"
    """Something that a model must not do is possible."""
    FULL = "full"
    """Everything that a model must not do was tried and stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxInfo:
    """What holds the processes in which an agent opens models."""

    level: SandboxLevel = SandboxLevel.UNSPECIFIED
    reason: str = ""
    """What was not stopped, and why; empty if everything was."""
    walls: tuple[str, ...] = ()
    """What the kernel put around them."""


UNKNOWN_SANDBOX = SandboxInfo()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterInfo:
    """What reads energy or power on an agent."""

    name: str
    """Of its kind: rapl-powercap, nvml, jetson-ina."""
    source: str = ""
    """Where its numbers come from, for people; empty if it cannot be read."""
    is_available: bool
    reason: str = ""
    """Why it cannot be read; empty if it can."""
    remedy: str = ""
    """Command that mends that; empty if it can be read."""
    boundaries: tuple[str, ...] = ()
    """What results may be published for; empty where its numbers are recorded only."""
    is_estimate: bool = False
    """Whether its numbers are a model's, and not measured."""
    update_s: float = 0.0
    """Period in which its numbers change; 0 if it does not say."""
    update_origin: str = ""
    """Where that is known from: probed, driver, datasheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """Who an agent is and what it can run."""

    agent_id: str
    """Stable; made at the first start and kept in the state directory."""
    name: str
    """For people; the host name unless set."""
    tags: tuple[str, ...] = ()
    """Words to select agents by."""
    protocol_version: int
    """Version of the contract that it speaks."""
    min_protocol_version: int
    """Oldest version of the contract that it accepts."""
    software_version: str
    host: HostInfo
    compilers: tuple[Compiler, ...] = ()
    runtimes: tuple[RuntimeInfo, ...] = ()
    allows_pickle: bool = False
    """Whether pickled models may be opened there."""
    capability_digest: str = ""
    """SHA-256 over what it can run; changes when that does."""
    instance_id: str = ""
    """Names the running process: made anew at each start; empty if it does not say."""
    sandbox: SandboxInfo = UNKNOWN_SANDBOX
    """Found by trying when the agent started."""
    meters: tuple[MeterInfo, ...] = ()
    """Those that can be read, and those that need a grant; empty if it does not say."""
    measures_energy: bool = False
    """Whether it measures energy in visits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUse:
    """Who uses an agent now."""

    holder: str = ""
    """Of the lease; empty if it is free."""
    purpose: str = ""
    """What for, for people."""
    lease_left_ns: int = 0
    """How long the lease lasts if it is not renewed."""
    waiting_count: int = 0
    """How many others wait for it."""
    visit_id: str = ""
    """That runs; empty if none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetAgent:
    """An agent as the coordinator sees it."""

    address: str
    """host:port."""
    is_alive: bool
    """Whether it answers now."""
    last_seen_unix_ns: int | None = None
    """None if it never answered."""
    source: str
    """How it was found: mdns, static, known."""
    reason: str = ""
    """Why it cannot be used; empty if it can."""
    agent: AgentInfo | None = None
    """None if it never answered."""
    use: AgentUse | None = None
    """None if it does not say."""
    flag: str = ""
    """Why it should be looked after; empty if all is well."""
    is_stranger: bool = False
    """Whether it answers, but is not enrolled here, or not with the key that it shows now."""
    advertised_name: str = ""
    """Not verified; empty where the agent itself said who it is."""
