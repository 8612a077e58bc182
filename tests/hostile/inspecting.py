"""A process that does nothing but have models inspected by a builder, as a coordinator does: what does that cost it?

    python -m tests.hostile.inspecting FOLDER DATA MODEL...

Writes one line of JSON for each model: the code of its error, "" if there is none, and by how much the memory of this
process grew meanwhile at most.
"""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import FileRef, JobSpec
from mltest.shared.errors import MltestError
from tests.faults.memory import peak_bytes, resident_bytes, restart_peak

MEMORY_BYTES = 700 << 20
"""Of the builder's child."""


async def main(folder: Path, data: Path, models: Sequence[Path]) -> None:
    """Inspect one model after the other."""
    builder = ProcessBuilder(folder)
    for model in models:
        before_bytes = resident_bytes(os.getpid())
        restart_peak(os.getpid())
        code = await _code(builder, folder, data, model)
        told = {"code": code, "growth_bytes": peak_bytes(os.getpid()) - before_bytes}
        sys.stdout.write(json.dumps(told) + "\n")
    await builder.close()


async def _code(builder: ProcessBuilder, folder: Path, data: Path, model: Path) -> str:
    files = [FileRef(name=path.name, sha256="") for path in (model, data)]
    spec = JobSpec(model=files[0], data=(files[1],), allows_pickle=True)
    try:
        await builder.inspect(spec, Plan(memory_bytes=MEMORY_BYTES), model=model, data=[data], folder=folder)
    except MltestError as error:
        return error.code
    return ""


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]]))
