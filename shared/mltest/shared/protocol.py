"""Version of the contract, and who can talk to whom."""

PROTOCOL_VERSION = 2
"""Counts up with each change of the contract that a peer can notice. Since 2, events are acknowledged."""

MIN_PROTOCOL_VERSION = 1
"""Oldest version that this software still speaks: one back."""

DISTRIBUTION = "mltest-fleet"


def software_version() -> str:
    """Return the version of the installed software; "unknown" in a tree that is not installed."""
    # Not for free (a parser of e-mail and a MB), and an idle agent has no use for it.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def can_talk(*, own: int, own_min: int, peer: int, peer_min: int) -> bool:
    """Return whether the newest version of one side is not older than what the other still accepts."""
    return peer >= own_min and own >= peer_min


def upgrade_step(*, own: int, peer: int, peer_name: str, own_name: str) -> str:
    """Return which of two that cannot talk has to be upgraded, and how."""
    older = own_name if peer > own else peer_name
    return f"upgrade {older}: pip install -U {DISTRIBUTION} there, then start it again"
