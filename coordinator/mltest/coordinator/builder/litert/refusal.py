"""How the writer of LiteRT files says what it does not convert. Pure."""

from mltest.shared.errors import ConversionError

CONVERTER = "the exporter to LiteRT"
"""How failures name what converts."""


def refusal(detail: str) -> ConversionError:
    """Return why a model is not converted."""
    return ConversionError(converter=CONVERTER, detail=detail)
