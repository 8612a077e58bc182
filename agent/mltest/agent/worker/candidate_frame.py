"""A candidate in a frame from agent to worker; without a library, so that workers stay small."""

from dataclasses import asdict

from mltest.shared.children.frames import Frame
from mltest.shared.domain import Output, Task, VisitCandidate


def candidate_to_frame(candidate: VisitCandidate) -> Frame:
    """Return `candidate` as what JSON takes; a worker need not know how often it will be called."""
    frame = asdict(candidate) | {"task": candidate.task.value, "output": candidate.output.value}
    del frame["energy_calls"]
    return frame


def candidate_from_frame(frame: Frame) -> VisitCandidate:
    """Return the candidate in `frame`, as `candidate_to_frame` made it."""
    texts = {"task": Task(frame["task"]), "output": Output(frame["output"])}
    lists = {name: tuple(frame[name]) for name in ("classes", "batch_sizes")}
    return VisitCandidate(**(frame | texts | lists))
