"""What a child sets for itself before it opens anything, and how it is told."""

import json
from dataclasses import asdict, dataclass
from enum import Enum

PARENT_PID = "MLTEST_PARENT_PID"
"""Environment variable of a child with the process that started it; another parent means that it died meanwhile."""


class Confinement(Enum):
    """How much a child may do."""

    NONE = "none"
    """It opens nothing untrusted."""
    MODEL = "model"
    """It computes: it reads what it was given, writes to its own folder, and does nothing else."""
    COMPILER = "compiler"
    """As MODEL, and it may start programs of the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLimits:
    """What the child sets for itself before it opens anything; 0 means no limit."""

    memory_bytes: int = 0
    """Private writable memory (RLIMIT_DATA)."""
    file_bytes: int = 0
    """Size of one written file (RLIMIT_FSIZE)."""
    cpu_s: int = 0
    """Processor time of one process (RLIMIT_CPU)."""
    confinement: Confinement = Confinement.NONE
    readable: tuple[str, ...] = ()
    """Files and folders that it may read beside the interpreter, the system's libraries and its own folder."""
    uses_gpu: bool = False
    """Whether it may use the device files of GPUs, and what the driver of NVIDIA does beside that."""


def limits_to_argument(limits: ChildLimits) -> str:
    """Return `limits` as the argument of a child."""
    return json.dumps({**asdict(limits), "confinement": limits.confinement.value})


def limits_from_argument(text: str) -> ChildLimits:
    """Return what `limits_to_argument` made; limits that this version does not know are left out."""
    content = json.loads(text)
    return ChildLimits(
        memory_bytes=content.get("memory_bytes", 0),
        file_bytes=content.get("file_bytes", 0),
        cpu_s=content.get("cpu_s", 0),
        confinement=Confinement(content.get("confinement", "none")),
        readable=tuple(content.get("readable", ())),
        uses_gpu=bool(content.get("uses_gpu", False)),
    )
