"""The worker: a fresh interpreter that opens one artifact and runs it; every untrusted byte is opened here.

Commands, in order: hello, load, rows, first, predict (if asked); for timed calls: form (each metric and batch size),
verify (each, if asked), null, warm (each), threads, slice ...; requests (each rate, if asked); idle and calls ...,
where energy is measured; end. Where memory is measured, it is: hello, load with marks, memory.
"""

import gc
import importlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime_named
from mltest.agent.runtimes.role import OpenModel, Runtime
from mltest.agent.worker.candidate_frame import candidate_from_frame
from mltest.agent.worker.failures import failures_as
from mltest.agent.worker.footprint import Footprint
from mltest.agent.worker.form import Form
from mltest.agent.worker.process_state import (
    ThreadTimes,
    largest_pool,
    memory_bytes,
    pool_count,
    thread_times,
    working_thread_count,
)
from mltest.agent.worker.sample_frame import samples_to_frame
from mltest.agent.worker.timed_forms import TimedForms, timed_to_frame
from mltest.agent.worker.timing import null_calls
from mltest.shared.children.child_side import Handler, serve
from mltest.shared.children.frames import Frame
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import CallAbsentError, ModelInvalidError, PredictionError, RuntimeMissingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.verification import Expected
    from mltest.shared.native.predictions import Predictions

FED_ROWS = 256
"""Rows of the dataset that are fed while memory is measured, or one batch."""
FIRST_CALLS = 10
"""The first call, and the early calls 2 to 10."""


class Worker:
    """One candidate in this process."""

    def __init__(self) -> None:
        self._model: OpenModel
        self._candidate: VisitCandidate
        self._rows: NDArray[np.floating]
        self._original: NDArray[np.floating]
        self._predictions: Predictions | None = None
        self._thread_times: ThreadTimes = {}
        self._footprint = Footprint()
        self._loop = ""
        self._loop_absent = ""

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each command."""
        return {
            "hello": lambda _: {},
            "load": self.load,
            "rows": self.rows,
            "first": self.first,
            "predict": self.predict,
            "null": self.null,
            "threads": self.threads,
            "requests": self.requests,
            "memory": self.memory,
            "idle": self.idle,
            "end": self.end,
            **TimedForms(self._form, self._expected).handlers(),
        }

    def load(self, frame: Frame) -> Frame:
        """Import the runtime, then open the artifact; both are timed."""
        self._candidate = candidate = candidate_from_frame(frame["candidate"])
        self._loop, self._loop_absent = frame["loop"], frame["loop_absent"]
        runtime = runtime_named(candidate.runtime)
        started_monotonic_ns = time.monotonic_ns()
        import_ns = _elapsed_ns(lambda: _import(runtime))
        has_marks = frame["has_marks"]
        if has_marks:
            # What reads the rows is no part of the candidate.
            importlib.import_module("mltest.agent.worker.first_rows")
            self._footprint.mark("imported")

        def open_artifact() -> None:
            self._model = runtime.open(Path(frame["artifact"]), candidate)

        with failures_as(ModelInvalidError):
            load_ns = _elapsed_ns(open_artifact)
        if has_marks:
            self._footprint.mark("loaded")
        return {
            "started_monotonic_ns": started_monotonic_ns,
            "import_ns": import_ns,
            "load_ns": load_ns,
            "memory_loaded_bytes": memory_bytes("VmRSS"),
        }

    def rows(self, frame: Frame) -> Frame:
        """Read the dataset and bring it into the runtime's type and layout; keep it as it is too, if that is asked."""
        from mltest.agent.worker.rows import distinct_rows, load_rows

        rows = load_rows(Path(frame["dataset"]), self._candidate.feature_count)
        distinct = distinct_rows(rows)
        with failures_as(PredictionError):
            self._rows = self._model.prepare(rows)
        self._original = rows if frame["keeps_original"] else self._rows
        return {
            "row_count": len(self._rows),
            "distinct_row_count": distinct.count,
            "effective_row_count": int(distinct.effective),
        }

    def first(self, frame: Frame) -> Frame:
        """Time the first call and those after it, one row each; first calls load, compile and allocate."""
        started_monotonic_ns = time.monotonic_ns()
        values_ns = []
        with failures_as(PredictionError):
            for number in range(FIRST_CALLS):
                index = number % len(self._rows)
                batch = self._rows[index : index + 1]
                begin_ns = time.perf_counter_ns()
                self._model.predict(batch)
                values_ns.append(time.perf_counter_ns() - begin_ns)
        return {"started_monotonic_ns": started_monotonic_ns, "values": samples_to_frame(values_ns)}

    def predict(self, frame: Frame) -> Frame:
        """Write the predictions for the whole dataset to a file."""
        from mltest.shared.native.predictions import save_predictions

        with failures_as(PredictionError):
            predictions = self._predicted()
        save_predictions(Path(frame["path"]), predictions)
        return {}

    def null(self, frame: Frame) -> Frame:
        """Time calls of nothing; from here on the garbage collector is off, and threads are watched."""
        self._predictions = None
        self._thread_times = thread_times()
        gc.collect()
        gc.freeze()
        gc.disable()
        return timed_to_frame(null_calls(frame["slice_ns"]))

    def threads(self, frame: Frame) -> Frame:
        """Say how many threads have worked since `null`, and what may have started them."""
        return {
            "thread_count": working_thread_count(self._thread_times),
            "pool_count": pool_count(),
            "largest_pool": largest_pool(),
        }

    def requests(self, frame: Frame) -> Frame:
        """Answer requests that arrive by a schedule, each from when it was due."""
        from mltest.agent.worker.open_loop import open_loop
        from mltest.agent.worker.rows import batches_of
        from mltest.shared.statistics.schedule import poisson_schedule_ns

        batches = batches_of(self._rows, frame["batch_size"])
        schedule_ns = poisson_schedule_ns(frame["rate_per_s"], frame["duration_ns"], frame["seed"])
        predict, count = self._model.predict, len(batches)
        with failures_as(PredictionError):
            predict(batches[-1])
            calls = open_loop(lambda number: predict(batches[number % count]), schedule_ns, frame["bound_ns"])
        return {
            "started_monotonic_ns": calls.started_monotonic_ns,
            "is_overloaded": calls.is_overloaded,
            "latencies": samples_to_frame(calls.latencies_ns),
            "latenesses": samples_to_frame(calls.latenesses_ns),
        }

    def memory(self, frame: Frame) -> Frame:
        """Answer a few rows of the dataset again and again; say how much memory that took."""
        from mltest.agent.runtimes.role import ModelOfParameters
        from mltest.agent.worker.first_rows import first_rows
        from mltest.agent.worker.rows import batches_of

        started_monotonic_ns, size = time.monotonic_ns(), frame["batch_size"]
        rows = first_rows(Path(frame["dataset"]), self._candidate.feature_count, max(size, FED_ROWS))
        with failures_as(PredictionError):
            batches = batches_of(self._model.prepare(rows), size)
            found = self._footprint.measured(self._model.predict, batches, frame["call_count"], frame["duration_ns"])
        if isinstance(self._model, ModelOfParameters):
            found["values"]["memory_parameter_bytes"] = self._model.parameter_bytes()
        else:
            found["absent"]["memory_parameter_bytes"] = f"{self._candidate.runtime} does not tell"
        return {"started_monotonic_ns": started_monotonic_ns, **found}

    def idle(self, frame: Frame) -> Frame:
        """Do nothing for a while, as a process does that waits for work: its other threads are free to go on."""
        time.sleep(frame["duration_ns"] / 1e9)
        return {}

    def end(self, frame: Frame) -> Frame:
        """Say how much memory it took at most."""
        return {"started_monotonic_ns": time.monotonic_ns(), "memory_peak_bytes": memory_bytes("VmHWM")}

    def _form(self, metric: str, batch_size: int) -> Form:
        from mltest.agent.worker.forms import form_of

        return form_of(metric, batch_size, self._model, self._rows, self._original, self._loop_library)

    def _loop_library(self) -> Path:
        if not self._loop:
            raise CallAbsentError(self._loop_absent)
        return Path(self._loop)

    def _expected(self) -> "Expected":
        from mltest.agent.worker.verification import Expected

        candidate = self._candidate
        return Expected(predictions=self._predicted(), output=candidate.output, classes=candidate.classes)

    def _predicted(self) -> "Predictions":
        from mltest.agent.worker.prediction_chunks import predicted

        if self._predictions is None:
            self._predictions = predicted(self._model, self._rows)
        return self._predictions


def _import(runtime: Runtime) -> None:
    needs = runtime.needs
    for module in needs.modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            detail = f"{error}; {needs.remedy} on that machine"
            raise RuntimeMissingError(runtime=needs.name, detail=detail) from error


def _elapsed_ns(call: Callable[[], object]) -> int:
    started_ns = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - started_ns


if __name__ == "__main__":
    serve(Worker().handlers())
