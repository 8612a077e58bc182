"""A tool that an exporter needs and a builder may lack, and what it says when it does not take a model."""

import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from mltest.coordinator.builder.exporters.role import ExporterNeeds
from mltest.shared.errors import ConversionError

_MAX_SAID_CHARS = 300


def absence_of(needs: ExporterNeeds) -> str:
    """Return which package of an extra is missing here, and the command that installs it; empty if none is."""
    absences = (_absence(package, needs) for package in needs.packages) if needs.extra else ()
    return next(filter(None, absences), "")


def tool_version(needs: ExporterNeeds) -> str:
    """Return the version of the first package that does the work.

    Raises:
        ConversionError: one is missing; the message names the command that installs it.

    """
    if absence := absence_of(needs):
        raise ConversionError(absence)
    return version(needs.packages[0])


@contextmanager
def tool_errors(tool: str) -> Iterator[None]:
    """Make what `tool` raises a ConversionError in its own words; warnings of its own are nobody's here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ConversionError, MemoryError):
        raise
    except Exception as error:
        line = (str(error).strip().splitlines() or [""])[0][:_MAX_SAID_CHARS]
        raise ConversionError(converter=tool, detail=line or f"it gives up with {type(error).__name__}") from error


def _absence(package: str, needs: ExporterNeeds) -> str:
    machine = platform.machine()
    try:
        version(package)
    except PackageNotFoundError:
        if needs.machines and machine not in needs.machines:
            return f"there are no wheels of {package} for {machine}, the machine that makes artifacts"
        return f"{package} is not installed where artifacts are made; {needs.remedy}"
    return ""
