"""Runs one attempt of a visit: from `VisitStarted` to `VisitEnded`, whatever happens between."""

import asyncio
import logging
import tempfile
import time
from pathlib import Path

from mltest.agent.host.fingerprint import read_fingerprint
from mltest.agent.outbox.journal import NO_ROOM
from mltest.agent.visit.block import Block
from mltest.agent.visit.visit_log import VisitLog
from mltest.agent.visit.visit_request import blobs_of
from mltest.agent.visit.visit_site import VisitSite
from mltest.shared.domain import MetricDescriptor, Outcome, VisitEnded, VisitSpec, VisitStarted
from mltest.shared.errors import DeadlineError, DiskFullError, MltestError, VisitInterruptedError
from mltest.shared.metrics import RAW_METRICS

_LOG = logging.getLogger(__name__)


class VisitRunner:
    """One attempt of a visit."""

    def __init__(self, spec: VisitSpec, log: VisitLog, site: VisitSite) -> None:
        self._spec = spec
        self._log = log
        self._site = site
        self.cancel_reason: MltestError = VisitInterruptedError(detail="it was cancelled")
        """Why the task of `run` was cancelled; set it before cancelling."""
        self.is_ending = False
        """Whether the end has begun; `run` must not be cancelled any more then, or workers would be left."""

    async def run(self) -> None:
        """Do all of it; the journal ends with `VisitEnded`, and no worker is left."""
        self._log.append(self._started())
        with (
            self._site.store.pinned(blobs_of(self._spec)),
            tempfile.TemporaryDirectory(dir=self._site.work_folder, ignore_cleanup_errors=True) as folder,
        ):
            block = self._block(Path(folder))
            outcome, error = await self._outcome(block)
            self.is_ending = True
            await block.close(outcome, error)
        self._log.append(_ended(block, outcome, error), needs_disk=False)

    async def _outcome(self, block: Block) -> tuple[Outcome, MltestError | None]:
        limit_s = self._spec.limits.visit_timeout_ns / 1e9
        try:
            async with asyncio.timeout(limit_s):
                await block.run()
        except asyncio.CancelledError:
            return Outcome.CANCELLED, self.cancel_reason
        except TimeoutError:
            return Outcome.FAILED, DeadlineError(what="the visit", limit_s=limit_s)
        except MltestError as error:
            return Outcome.FAILED, error
        except OSError as error:
            return Outcome.FAILED, failure_of_machine(error, self._site)
        except Exception:
            _LOG.exception("a visit failed unexpectedly", extra={"visit_id": self._spec.visit_id})
            return Outcome.FAILED, MltestError("the agent failed; see its log")
        return Outcome.OK, None

    def _block(self, folder: Path) -> Block:
        if self._spec.energy is None:
            return Block(self._spec, self._log, self._site, folder)
        # Only visits that need it load what reads meters.
        from mltest.agent.visit.energy_block import EnergyBlock

        return EnergyBlock(self._spec, self._log, self._site, folder)

    def _started(self) -> VisitStarted:
        return VisitStarted(
            visit_id=self._spec.visit_id,
            attempt=self._spec.attempt,
            agent_id=self._site.agent_id,
            started_unix_ns=time.time_ns(),
            metrics=tuple(
                MetricDescriptor(metric=metric.key, unit=metric.unit, shape=metric.meaning)
                for metric in RAW_METRICS.values()
            ),
            versions=self._site.versions,
            sandbox=self._site.sandbox,
            fingerprint=read_fingerprint(Path("/"), self._site.host) if self._site.host else None,
        )


def failure_of_machine(error: OSError, site: VisitSite) -> MltestError:
    """Return what an error of the operating system means for a visit."""
    if error.errno in NO_ROOM:
        return DiskFullError(f"there is no room left below {site.work_folder.parent}", folder=site.work_folder.parent)
    return VisitInterruptedError(detail=f"the agent's machine failed: {error}")


def _ended(block: Block, outcome: Outcome, error: MltestError | None) -> VisitEnded:
    return VisitEnded(
        outcome=outcome,
        reason_code=error.code if error else "",
        reason=error.message if error else "",
        series_count=block.buffer.series_count,
        value_count=block.buffer.value_count,
        notes=block.notes(),
        measuring_ns=block.measuring_ns,
        machine=block.machine,
    )
