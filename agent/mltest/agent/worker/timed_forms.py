"""The commands about the forms of a call: make them, verify them, warm them up, and time slices of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mltest.agent.worker.failures import failures_as, words_of
from mltest.agent.worker.form import PYTHON_CALL, Form, RepeatedForm, TimedCalls
from mltest.agent.worker.process_state import go_to_processor
from mltest.agent.worker.sample_frame import samples_to_frame
from mltest.agent.worker.spread import calls_together
from mltest.shared.children.child_side import Handler
from mltest.shared.children.frames import Frame
from mltest.shared.errors import CallAbsentError, MltestError, PredictionError

if TYPE_CHECKING:
    from mltest.agent.worker.verification import Expected

FormMaker = Callable[[str, int], Form]
"""Makes the form with a metric and a batch size."""


class TimedForms:
    """The forms of one candidate, by metric and batch size."""

    def __init__(self, make: FormMaker, expect: "Callable[[], Expected]") -> None:
        self._make = make
        self._expect = expect
        self._forms: dict[tuple[str, int], Form] = {}

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each command."""
        return {
            "form": self.form,
            "verify": self.verify,
            "warm": self.warm,
            "slice": self.slice,
            "calls": self.calls,
        }

    def form(self, frame: Frame) -> Frame:
        """Make one form; one that this model has not is no failure, but absent with the reason."""
        key = frame["metric"], frame["batch_size"]
        if frame["metric"] == PYTHON_CALL:
            with failures_as(PredictionError):
                self._forms[key] = self._make(*key)
            return {"absent": ""}
        try:
            self._forms[key] = self._make(*key)
        except MltestError as error:
            return {"absent": error.message}
        except (MemoryError, RecursionError):
            raise
        except Exception as error:
            return {"absent": f"it failed: {words_of(error)}"}
        return {"absent": ""}

    def verify(self, frame: Frame) -> Frame:
        """Compare what the calls of one form answer with what the candidate predicts."""
        from mltest.agent.worker.verification import verified_calls

        metric, batch_size = frame["metric"], frame["batch_size"]
        with failures_as(PredictionError):
            answers = self._forms[metric, batch_size].answers()
            calls = verified_calls(metric, batch_size, answers, self._expect(), limit_ns=frame["limit_ns"])
        return {
            "row_count": calls.row_count,
            "differing_row_count": calls.differing_row_count,
            "max_abs_difference": calls.max_abs_difference,
            "worst_rows": list(calls.worst_rows),
            "median_shift": calls.median_shift,
        }

    def warm(self, frame: Frame) -> Frame:
        """Call one form, untimed, until its calls are steady."""
        with failures_as(PredictionError):
            warm_up = self._form(frame).warm(frame["warmup_ns"])
        return {
            "call_ns": round(warm_up.call_ns),
            "is_steady": warm_up.is_steady,
            "calls_per_value": calls_together(warm_up.call_ns),
        }

    def slice(self, frame: Frame) -> Frame:
        """Time calls of one form for a while, from a processor on."""
        if frame["processor"] is not None:
            go_to_processor(frame["processor"])
        with failures_as(PredictionError):
            calls = self._form(frame).timed(frame["slice_ns"], frame["max_values"])
        # A number of values that was asked for is no limit that was met.
        return timed_to_frame(calls) | {"is_clipped": calls.is_clipped and not frame["max_values"]}

    def calls(self, frame: Frame) -> Frame:
        """Make exactly so many calls of one form."""
        form = self._form(frame)
        if not isinstance(form, RepeatedForm):
            raise CallAbsentError(detail="this form of a call cannot be repeated a number of times")
        with failures_as(PredictionError):
            return {"calls_ns": form.repeated(frame["call_count"])}

    def _form(self, frame: Frame) -> Form:
        return self._forms[frame["metric"], frame["batch_size"]]


def timed_to_frame(calls: TimedCalls) -> Frame:
    """Return `calls` as what JSON takes."""
    return {
        "started_monotonic_ns": calls.started_monotonic_ns,
        "measuring_ns": calls.measuring_ns,
        "calls_per_value": calls.calls_per_value,
        "minor_faults": calls.minor_faults,
        "is_clipped": calls.is_clipped,
        "values": samples_to_frame(calls.values_ns),
    }
