"""Forms of a call: each is a quantity of its own, and never shares a ranking with another."""

from collections.abc import Mapping
from dataclasses import dataclass

from mltest.shared.metrics import TIMED_METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form of a call."""

    raw_metric: str
    """Of its timed calls."""
    metric: str
    """Of its results."""


PYTHON = "python"
"""The form that users of a runtime write."""

FORMS: Mapping[str, Form] = {
    PYTHON: Form(raw_metric="latency_ns", metric="latency_s"),
    "lean": Form(raw_metric="lean_latency_ns", metric="lean_latency_s"),
    "native": Form(raw_metric="native_latency_ns", metric="native_latency_s"),
    "conversion": Form(raw_metric="conversion_ns", metric="conversion_s"),
}
"""By the names that users know, in the order of the metric table."""

RAW_OF_RESULT: Mapping[str, str] = {
    **{form.metric: form.raw_metric for form in FORMS.values()},
    "throughput_rows_per_s": "latency_ns",
    "offline_rows_per_s": "latency_ns",
}
"""The slices that stand behind a result that is a time or a rate."""

assert tuple(form.raw_metric for form in FORMS.values()) == TIMED_METRICS
