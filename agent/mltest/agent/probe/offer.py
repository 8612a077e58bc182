"""Which runtimes an agent offers: its user may hold some back. Pure."""

from collections.abc import Collection

from mltest.shared.reference import REFERENCE_RUNTIME

NOT_OFFERED = "not offered: --runtimes of mltest-agent serve does not name it"
"""Why a runtime cannot be used that was held back."""


def is_offered(runtime: str, offered: Collection[str]) -> bool:
    """Return whether `runtime` may be used where the user offers `offered`; if that names none, all are.

    The pinned reference always is: without it, figures of different days cannot be compared.
    """
    return not offered or runtime == REFERENCE_RUNTIME or runtime in offered
