"""One model in a process of its own, timed by the loop of the workers and by those of others, slice after slice."""

import ctypes
import gc
import timeit
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.agent.runtimes.registry import runtime_named
from mltest.agent.worker.candidate_frame import candidate_from_frame
from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.errors import MltestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.agent.worker.form import Form

_WARMUP_NS = 100_000_000


class FidelityChild:
    """Calls of one form and batch size."""

    def __init__(self) -> None:
        self._form: Form
        self._batches: list[NDArray[np.floating]]
        self._position = 0
        self._model: Any
        self._call_ns = 0.0
        self._runner: Any = None
        self._loop_library: Any = None
        self._loop: Any = None
        self._arguments: Any = None
        """C keeps pointers into them."""

    def open(self, frame: Frame) -> Frame:
        """Open the artifact as a worker does, and warm up; return the prepared rows in a file, for other programs."""
        from mltest.agent.worker.forms import form_of
        from mltest.agent.worker.rows import batches_of, load_rows

        candidate = candidate_from_frame(frame["candidate"])
        self._model = runtime_named(candidate.runtime).open(Path(frame["artifact"]), candidate)
        original = load_rows(Path(frame["dataset"]), candidate.feature_count)
        prepared = self._model.prepare(original)
        batch_size = frame["batch_size"]
        self._form = form_of(frame["metric"], batch_size, self._model, prepared, original)
        self._batches = batches_of(prepared, batch_size)
        gc.collect()
        gc.freeze()
        gc.disable()
        self._call_ns = self._form.warm(_WARMUP_NS).call_ns
        prepared.tofile("prepared.bin")
        answer = self._model.predict(self._batches[0])
        return {
            "call_ns": self._call_ns,
            "dtype": prepared.dtype.name,
            "row_bytes": prepared.nbytes // len(prepared),
            "row_count": len(prepared),
            "output_bytes": int(getattr(answer, "nbytes", 0)),
        }

    def slice(self, frame: Frame) -> Frame:
        """Time calls for a while by the loop of the workers; return mean and median of a call in ns."""
        from statistics import fmean, median

        timed = self._form.timed(frame["slice_ns"], 0)
        values_ns = [value / timed.calls_per_value for value in timed.values_ns]
        return {"mean_ns": fmean(values_ns), "median_ns": median(values_ns)}

    def timeit(self, frame: Frame) -> Frame:
        """Time as many calls by timeit."""
        count = self._count(frame["slice_ns"])
        calls = self._sweep(count)
        return {"mean_ns": timeit.Timer(calls).timeit(1) / count * 1e9}

    def pyperf(self, frame: Frame) -> Frame:
        """Time as many calls by pyperf, which does so in its worker mode in this process."""
        count = self._count(frame["slice_ns"])
        runner, number = self._pyperf_runner()
        bench = runner.bench_func(f"slice {number}", self._sweep(count))
        return {"mean_ns": bench.get_values()[0] / count * 1e9}

    def open_loop(self, frame: Frame) -> Frame:
        """Load native_loop.c as a library, and let it open the model for itself."""
        arguments = [argument.encode() for argument in frame["arguments"]]
        library = self._loop_library = ctypes.CDLL(frame["loop"])
        library.open_loop.restype = ctypes.c_void_p
        library.median_call_ns.argtypes = ctypes.c_void_p, ctypes.c_double
        library.median_call_ns.restype = ctypes.c_double
        self._arguments = (ctypes.c_char_p * len(arguments))(*arguments)
        self._loop = library.open_loop(self._arguments)
        if not self._loop:
            raise MltestError("the C loop does not open the model")
        return {}

    def loop(self, frame: Frame) -> Frame:
        """Time calls for a while by that library."""
        median_ns = self._loop_library.median_call_ns(self._loop, float(frame["slice_ns"]))
        if median_ns < 0:
            raise MltestError("a call of the C loop failed")
        return {"median_ns": median_ns}

    def _count(self, slice_ns: int) -> int:
        return max(1, round(slice_ns / max(self._call_ns, 1.0)))

    def _sweep(self, count: int) -> Any:
        """Return a function that predicts the next `count` batches."""
        predict, total = self._model.predict, len(self._batches)
        batches = [self._batches[(self._position + index) % total] for index in range(count)]
        self._position = (self._position + count) % total

        def sweep() -> None:
            for batch in batches:
                predict(batch)

        return sweep

    def _pyperf_runner(self) -> tuple[Any, int]:
        import pyperf

        if self._runner is None:
            self._runner = pyperf.Runner()
            self._runner.parse_args(
                ["--worker", "--worker-task=0", "--loops=1", "--values=1", "--warmups=0", "--min-time=0.000001"]
            )
            return self._runner, 0
        self._runner.args.worker_task += 1
        return self._runner, self._runner.args.worker_task


if __name__ == "__main__":
    child = FidelityChild()
    commands = (child.open, child.slice, child.timeit, child.pyperf, child.open_loop, child.loop)
    serve({command.__name__: command for command in commands})
