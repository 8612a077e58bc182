"""Rows in which a candidate does not say what the native model says."""

from dataclasses import dataclass
from enum import Enum


class Cause(Enum):
    """Why a row differs, as far as it can be told."""

    UNSPECIFIED = "unspecified"
    """Not known: the recipe, or a mistake."""
    TIE = "tie"
    """Both labels are equally good by the native model's own probabilities."""
    ROUNDING = "rounding"
    """The native model itself says so when X is rounded to float32, or moved by the last bit of a float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One row of the dataset."""

    candidate_id: str
    agent_id: str
    row_index: int
    """Counts from 0, in the dataset as agents get it."""
    native: str
    """Class or value that the native model says."""
    candidate: str
    """Class or value that the candidate says; "?" for a label that is none of the classes."""
    difference: float | None = None
    """Largest difference of a score; None where the scores are not of one kind."""
    cause: Cause = Cause.UNSPECIFIED


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreements:
    """Where a candidate differs from the native model, on every agent."""

    job_id: str
    candidate_id: str
    label: str
    is_lossy: bool = False
    row_count: int = 0
    """Rows that were compared, on one agent."""
    differing_count: int = 0
    """Rows that differ, on the agent where most do; more than are kept, perhaps."""
    rows: tuple[Disagreement, ...] = ()
    """Of each agent the worst, at most a hundred."""
