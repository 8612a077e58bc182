"""One agent: its identity, its blobs, its lease, its visits, and what it knows of its machine."""

import asyncio
import platform
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mltest.agent.environments.environments import Environments
from mltest.agent.identity import agent_id_in
from mltest.agent.launch.exec_launcher import ExecLauncher
from mltest.agent.launch.unit_launcher import UnitLauncher
from mltest.agent.lease.epochs import EpochFile
from mltest.agent.lease.lease import Lease
from mltest.agent.lease.lease_keeper import LeaseKeeper
from mltest.agent.meters.role import MeterSite
from mltest.agent.meters.seen_periods import seen_update_s, with_seen_periods
from mltest.agent.outbox.outbox import DiskOutbox
from mltest.agent.probe.capabilities import Capabilities, capability_digest
from mltest.agent.probe.probe import probe
from mltest.agent.service import AgentParts, AgentState, decode_event, encode_event
from mltest.agent.speed.speed import checked_speed
from mltest.agent.visit.visit_site import VisitSite
from mltest.agent.visit.visits import Visits
from mltest.agent.watched import Watched
from mltest.shared.blobs.store import BlobStore
from mltest.shared.domain import AgentInfo, SpeedCheck
from mltest.shared.errors import MltestError
from mltest.shared.protocol import MIN_PROTOCOL_VERSION, PROTOCOL_VERSION

_TIDY_S = 900.0
"""How often the outbox is looked through while nothing runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """What the user decided about an agent."""

    name: str
    tags: tuple[str, ...] = ()
    allows_pickle: bool = False
    cache_bytes: int
    """How much the blobs may take on disk."""
    worker_socket: Path | None = None
    """Socket of the worker unit; None: workers are children of the agent."""
    environments: Environments = field(default_factory=Environments)
    """Which runtimes run in an interpreter of their own."""
    runtimes: tuple[str, ...] = ()
    """Names of those that are offered, beside the pinned reference; none: all."""
    meter_site: MeterSite = field(default_factory=MeterSite)
    """Where meters are looked for, and below the same root the state of the machine."""


class Agent:
    """The state directory `folder` has to be locked by this process."""

    def __init__(self, config: AgentConfig, folder: Path) -> None:
        self._config = config
        self._work_folder = _emptied(folder / "work")
        self._launcher = UnitLauncher(config.worker_socket) if config.worker_socket else ExecLauncher()
        self._probing: asyncio.Task[Capabilities] | None = None
        self._tidying: asyncio.Task[None] | None = None
        self._speed_lock = asyncio.Lock()
        epochs = EpochFile(folder / "epoch")
        epochs.next()
        self.agent_id = agent_id_in(folder)
        self.instance_id = secrets.token_hex(8)
        self.store = BlobStore(folder / "blobs", config.cache_bytes)
        self.state = Watched(AgentState())
        self.outbox = DiskOutbox(folder / "outbox")
        self.visits = Visits(
            encode=encode_event, decode=decode_event, outbox=self.outbox, on_change=self._visit_changed
        )
        lease = Lease(agent=config.name, next_epoch=epochs.next)
        self.keeper = LeaseKeeper(lease, self.visits, on_change=self._holder_changed)

    @property
    def name(self) -> str:
        """For people."""
        return self._config.name

    def parts(self) -> AgentParts:
        """Return what the service needs."""
        return AgentParts(
            describe=self.info,
            site=self._site,
            keeper=self.keeper,
            visits=self.visits,
            state=self.state,
            check_speed=self._check_speed,
        )

    def start_probing(self) -> None:
        """Look at the machine in the background; whoever needs the answer waits for it. Keep the outbox small."""
        self._probing = asyncio.create_task(self._probe(), name="probe")
        self._tidying = asyncio.create_task(self._tidy_regularly(), name="tidy")

    async def stop(self, reason: MltestError) -> None:
        """Cancel what runs, and wait until no child process is left."""
        await self.visits.cancel_running(reason)
        if self._probing is not None and self._tidying is not None:
            self._probing.cancel()
            self._tidying.cancel()
            await asyncio.wait([self._probing, self._tidying])

    async def info(self) -> AgentInfo:
        """Return who the agent is, once it has looked at its machine."""
        found = await self._capabilities()
        info = AgentInfo(
            agent_id=self.agent_id,
            name=self._config.name,
            tags=self._config.tags,
            protocol_version=PROTOCOL_VERSION,
            min_protocol_version=MIN_PROTOCOL_VERSION,
            software_version=found.software_version,
            host=found.host,
            compilers=found.compilers,
            runtimes=found.runtimes,
            allows_pickle=self._config.allows_pickle,
            instance_id=self.instance_id,
            sandbox=found.sandbox,
            meters=found.meters,
            measures_energy=True,
        )
        return replace(info, capability_digest=capability_digest(info))

    async def _check_speed(self) -> SpeedCheck:
        async with self._speed_lock:
            return await checked_speed(self._work_folder)

    async def _site(self) -> VisitSite:
        found = await self._capabilities()
        return VisitSite(
            agent_id=self.agent_id,
            agent_name=self._config.name,
            store=self.store,
            work_folder=self._work_folder,
            allows_pickle=self._config.allows_pickle,
            launcher=self._launcher,
            environments=self._config.environments,
            versions=_versions(found),
            sandbox=found.sandbox,
            host=found.host,
            runtimes=self._config.runtimes,
            meter_site=self._config.meter_site,
        )

    async def _probe(self) -> Capabilities:
        config = self._config
        found = await probe(
            *(self._work_folder, self._launcher, config.environments),
            offered=config.runtimes,
            meter_site=config.meter_site,
        )
        return replace(found, meters=with_seen_periods(found.meters, seen_update_s(self._work_folder.parent)))

    async def _capabilities(self) -> Capabilities:
        assert self._probing is not None
        return await asyncio.shield(self._probing)

    async def _tidy_regularly(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_S)
            if not self.visits.running_id:
                self.outbox.tidy()

    def _visit_changed(self, visit_id: str) -> None:
        self.state.set(replace(self.state.value, visit_id=visit_id))

    def _holder_changed(self, holder: str) -> None:
        self.state.set(replace(self.state.value, holder=holder))


def _versions(found: Capabilities) -> Mapping[str, str]:
    return {"mltest": found.software_version, "python": platform.python_version(), **found.package_versions()}


def _emptied(folder: Path) -> Path:
    """Return `folder`, without what a process that was killed left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
