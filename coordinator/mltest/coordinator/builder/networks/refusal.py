"""Why the derivatives and bounds of a network cannot be had; its answers can. Pure."""

from mltest.shared.errors import ConversionError

READER = "mltest's reader of networks"
"""How failures name what reads."""


def unread(detail: str) -> ConversionError:
    """Return why a network is not read."""
    return ConversionError(converter=READER, detail=detail)
