"""The models of the selftests as this process knows them: files that a child process made, and their candidates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mltest.shared.children.child import Child, ChildLimits
from mltest.shared.domain import Output, Task, VisitCandidate
from mltest.shared.errors import ChildCrashedError, MltestError, RuntimeMissingError

_MODULE = "mltest.agent.selftest.models_child"
_TIMEOUT_S = 300.0
_FEATURE_COUNT = 20
_CLASSES = ("0", "1", "2")

SLOWED = "selftest"
"""Name of the runtime that makes calls slower, or wrong, on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One trained model in the format of one runtime."""

    name: str
    """logistic, forest or network."""
    runtime: str
    format: str
    path: Path
    input_dtype: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Model and runtime, for people."""
        return f"{self.name}/{self.runtime}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What could be made on this machine."""

    models: tuple[Model, ...]
    left_out: Mapping[str, str]
    """Runtimes that are not installed, and how to mend that."""
    folder: Path
    """Holds rows.npz (1,024 distinct rows), constant.npz (one row, repeated) and many.npz (10,000 rows)."""

    def get(self, name: str, runtime: str) -> Model | None:
        """Return one of them; None if it could not be made."""
        return next((model for model in self.models if (model.name, model.runtime) == (name, runtime)), None)


async def make_models(folder: Path, *, seed: int = 0) -> Models:
    """Train the models of the selftests in a child process and write them below `folder`.

    Raises:
        RuntimeMissingError: scikit-learn is not installed; the message says how to mend it.

    """
    child = await Child.spawn(_MODULE, folder=folder, limits=ChildLimits())
    try:
        frame = {"command": "make", "folder": str(folder), "seed": seed}
        answer = await child.request(frame, timeout_s=_TIMEOUT_S, what="making the models of the selftest")
    except ChildCrashedError:
        raise
    except MltestError as error:
        if "No module named" in error.message:
            detail = f"{error.message}; pip install 'mltest-fleet[selftest]'"
            raise RuntimeMissingError(runtime="scikit-learn", detail=detail) from error
        raise
    finally:
        await child.kill()
    made = tuple(Model(**{**one, "path": Path(one["path"])}) for one in answer["made"])
    return Models(models=made, left_out=answer["left_out"], folder=folder)


def candidate_of(
    model: Model, sha256: str, name: str, *, threads: int = 1, slowed: Mapping[str, str] | None = None
) -> VisitCandidate:
    """Return `model` as a candidate called `name`.

    Args:
        model: what it runs.
        sha256: of its artifact.
        name: unique in its block.
        threads: of the runtime.
        slowed: options of the runtime that changes calls on purpose; None for the plain runtime.

    """
    options = dict(model.options)
    if slowed is not None:
        options |= {"inner": model.runtime, **slowed}
    return VisitCandidate(
        candidate_id=name,
        runtime=model.runtime if slowed is None else SLOWED,
        format=model.format,
        artifact_sha256=sha256,
        task=Task.CLASSIFICATION,
        output=Output.PROBABILITIES,
        feature_count=_FEATURE_COUNT,
        classes=_CLASSES,
        input_dtype=model.input_dtype,
        threads=threads,
        options=options,
    )
