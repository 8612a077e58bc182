"""Jobs that take seconds: one small model, one candidate and the reference, few short slices."""

from collections.abc import Sequence
from pathlib import Path

from mltest.coordinator.api import CoordinatorApi
from mltest.coordinator.home import open_coordinator
from mltest.shared.domain import JobSpec
from tests.integration.agent_peer import write_files
from tests.models import ModelFiles
from tests.system.chaos.exactness import Expected

ROUNDS, SLICES, CANDIDATES = 2, 6, 2
PLAN = f"""
[job]
rounds = {ROUNDS}
row_cap = 100
agent_return_s = 120
[[tests]]
module = "mltest.coordinator.tests.latency"
class = "Latency"
params = {{batch_sizes = [1], slice_count = {SLICES}, slice_s = 0.05, warmup_s = 0.01}}
[[tests]]
module = "mltest.coordinator.tests.agreement"
class = "Agreement"
[candidates]
runtimes = ["onnxruntime"]
transforms = ["none"]
skip = ["*, *"]
"""


def expected(agent_count: int) -> Expected:
    """Return what such a job brings."""
    return Expected(
        agent_count=agent_count, round_count=ROUNDS, slice_count=SLICES, candidate_count=CANDIDATES, metric="latency_ns"
    )


def tiny_files(folder: Path) -> ModelFiles:
    """Write a model that its runtime loads fast, so that faults and not imports take the time."""
    folder.mkdir()
    files = write_files(folder)
    return ModelFiles(files.model, files.data)


async def submit_tiny(home: Path, files: ModelFiles, addresses: Sequence[str], plan: str = PLAN) -> str:
    """Submit a job for the agents at `addresses`, and return its identity."""
    api: CoordinatorApi = await open_coordinator(home, needs_to_run=False)
    try:
        spec = JobSpec(
            model=await api.put_file(files.model),
            data=(await api.put_file(files.data),),
            plan_toml=plan,
            agent_addresses=tuple(addresses),
            uses_discovery=False,
            uses_local_agent=False,
        )
        return await api.submit(spec)
    finally:
        await api.close()
