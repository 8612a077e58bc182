"""What a visit needs of its agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mltest.agent.environments.environments import Environments
from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.agent.launch.role import Launcher
from mltest.agent.meters.role import MeterSite
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import UNKNOWN_SANDBOX, HostInfo, SandboxInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitSite:
    """The agent as a visit sees it."""

    agent_id: str
    agent_name: str
    store: BlobStore
    work_folder: Path
    """Each visit gets a folder below, for as long as it runs."""
    allows_pickle: bool
    launcher: Launcher = field(default_factory=ExecLauncher)
    """How workers come to be."""
    environments: Environments = field(default_factory=Environments)
    """Which runtimes run in an interpreter of their own."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of what takes part: mltest, python, packages of runtimes."""
    sandbox: SandboxInfo = UNKNOWN_SANDBOX
    """What was found to hold workers when the agent started."""
    host: HostInfo | None = None
    """The machine, as it was found when the agent started; None if nobody looked."""
    runtimes: tuple[str, ...] = ()
    """Names of those that its user offers, beside the pinned reference; none: all."""
    meter_site: MeterSite = field(default_factory=MeterSite)
    """Where meters are looked for, and the state of the machine beside them."""

    @property
    def root(self) -> Path:
        """Where the file system of the machine starts whose state is watched: that of its meters."""
        return self.meter_site.root

    @property
    def state_folder(self) -> Path:
        """Where an agent keeps what outlives visits."""
        return self.work_folder.parent

    @property
    def loop_folder(self) -> Path:
        """Where the compiled loop of native calls is kept while the agent runs."""
        return self.work_folder / "loop"

    @property
    def compiled_folder(self) -> Path:
        """Where libraries compiled from sources of candidates are kept while the agent runs."""
        return self.work_folder / "compiled"
