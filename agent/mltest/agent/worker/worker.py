"""The worker: a fresh interpreter that opens one artifact and runs it; every untrusted byte is opened here.

Commands, in order: hello, load, rows, first, predict (if asked), null, warm (each batch size), slice ..., end.
"""

import gc
import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime_named
from mltest.agent.runtimes.role import OpenModel, Runtime
from mltest.agent.worker.candidate_frame import candidate_from_frame
from mltest.agent.worker.sample_frame import samples_to_frame
from mltest.agent.worker.timing import TimedCalls, Walk, null_calls
from mltest.shared.child_side import Handler, serve
from mltest.shared.errors import MltestError, ModelInvalidError, PredictionError, RuntimeMissingError
from mltest.shared.frames import Frame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST_CALLS = 10
"""The first call, and the early calls 2 to 10."""
_PREDICTION_ROWS = 1024
"""Rows of one chunk, so that a wide result does not need memory for all rows at once."""


class Worker:
    """One candidate in this process."""

    def __init__(self) -> None:
        self._model: OpenModel
        self._rows: NDArray[np.floating]
        self._feature_count = 0
        self._walks: dict[int, Walk] = {}

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each command."""
        return {
            "hello": lambda _: {},
            "load": self.load,
            "rows": self.rows,
            "first": self.first,
            "predict": self.predict,
            "null": self.null,
            "warm": self.warm,
            "slice": self.slice,
            "end": self.end,
        }

    def load(self, frame: Frame) -> Frame:
        """Import the runtime, then open the artifact; both are timed."""
        candidate = candidate_from_frame(frame["candidate"])
        runtime = runtime_named(candidate.runtime)
        started_monotonic_ns = time.monotonic_ns()
        import_ns = _elapsed_ns(lambda: _import(runtime))

        def open_artifact() -> None:
            self._model = runtime.open(Path(frame["artifact"]), candidate)

        with _failures_as(ModelInvalidError):
            load_ns = _elapsed_ns(open_artifact)
        self._feature_count = candidate.feature_count
        memory_bytes = _memory_bytes("VmRSS")
        return {
            "started_monotonic_ns": started_monotonic_ns,
            "import_ns": import_ns,
            "load_ns": load_ns,
            "memory_loaded_bytes": memory_bytes,
        }

    def rows(self, frame: Frame) -> Frame:
        """Read the dataset and bring it into the runtime's type and layout."""
        from mltest.agent.worker.rows import load_rows

        rows = load_rows(Path(frame["dataset"]), self._feature_count)
        with _failures_as(PredictionError):
            self._rows = self._model.prepare(rows)
        return {"row_count": len(self._rows)}

    def first(self, frame: Frame) -> Frame:
        """Time the first call and those after it, one row each; first calls load, compile and allocate."""
        started_monotonic_ns = time.monotonic_ns()
        values_ns = []
        with _failures_as(PredictionError):
            for number in range(FIRST_CALLS):
                index = number % len(self._rows)
                batch = self._rows[index : index + 1]
                begin_ns = time.perf_counter_ns()
                self._model.predict(batch)
                values_ns.append(time.perf_counter_ns() - begin_ns)
        return {"started_monotonic_ns": started_monotonic_ns, "values": samples_to_frame(values_ns)}

    def predict(self, frame: Frame) -> Frame:
        """Write the predictions for the whole dataset to a file."""
        from mltest.agent.worker.prediction_chunks import joined
        from mltest.shared.native.predictions import save_predictions

        starts = range(0, len(self._rows), _PREDICTION_ROWS)
        with _failures_as(PredictionError):
            chunks = [self._model.predictions(self._rows[start : start + _PREDICTION_ROWS]) for start in starts]
            predictions = joined(chunks)
        save_predictions(Path(frame["path"]), predictions)
        return {}

    def null(self, frame: Frame) -> Frame:
        """Time calls of nothing; from here on the garbage collector is off."""
        gc.collect()
        gc.freeze()
        gc.disable()
        return _timed_frame(null_calls([self._rows[:1]], frame["slice_ns"]))

    def warm(self, frame: Frame) -> Frame:
        """Call with one batch size, untimed, until calls are steady."""
        from mltest.agent.worker.rows import batches_of

        walk = Walk(batches_of(self._rows, frame["batch_size"]))
        with _failures_as(PredictionError):
            walk.warm(self._model.predict, frame["warmup_ns"])
        self._walks[frame["batch_size"]] = walk
        return {}

    def slice(self, frame: Frame) -> Frame:
        """Time calls with one batch size for a while."""
        walk = self._walks[frame["batch_size"]]
        with _failures_as(PredictionError):
            calls = walk.timed(self._model.predict, frame["slice_ns"])
        return _timed_frame(calls)

    def end(self, frame: Frame) -> Frame:
        """Say how much memory it took at most."""
        return {"started_monotonic_ns": time.monotonic_ns(), "memory_peak_bytes": _memory_bytes("VmHWM")}


def _import(runtime: Runtime) -> None:
    needs = runtime.needs
    for module in needs.modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            detail = f"{error}; pip install 'mltest-fleet[{needs.extra}]' on that machine"
            raise RuntimeMissingError(runtime=needs.name, detail=detail) from error


def _elapsed_ns(call: Callable[[], object]) -> int:
    started_ns = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - started_ns


def _timed_frame(calls: TimedCalls) -> Frame:
    return {
        "started_monotonic_ns": calls.started_monotonic_ns,
        "measuring_ns": calls.measuring_ns,
        "is_clipped": calls.is_clipped,
        "values": samples_to_frame(calls.values_ns),
    }


def _memory_bytes(key: str) -> int:
    # proc(5), /proc/pid/status: "VmRSS:     1234 kB", in units of 1024 bytes.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {key}")


@contextmanager
def _failures_as(error_class: type[MltestError]) -> Iterator[None]:
    """Turn what a library raises into `error_class`; our own errors and lack of memory keep their meaning."""
    try:
        yield
    except (MltestError, MemoryError, RecursionError):
        raise
    except Exception as error:
        text = (str(error).strip().splitlines() or [""])[0][:500]
        raise error_class(detail=f"{type(error).__name__}: {text}") from error


if __name__ == "__main__":
    serve(Worker().handlers())
