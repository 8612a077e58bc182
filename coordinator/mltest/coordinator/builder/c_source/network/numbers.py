"""Networks in smaller numbers. Pure."""

from dataclasses import replace

from mltest.coordinator.builder.c_source.network.form import Layer, Network, Piece, Product, Row

LARGEST = 127
"""Of a weight of 8 bits; both signs have it."""


def in_single_precision(network: Network) -> Network:
    """Return `network` with rows and layers in float32, but for layers that are to stay exact."""
    layers = tuple(layer if layer.is_exact else replace(layer, number_type="float32") for layer in network.layers)
    return replace(network, input_type="float32", layers=layers)


def in_eight_bits(network: Network) -> Network:
    """Return `network` in float32 with weights of 8 bits, in units of their own for each output.

    Layers that measure distances keep their weights.
    """
    layers = (replace(layer, number_type="float32") for layer in network.layers)
    return replace(network, input_type="float32", layers=tuple(map(_rounded, layers)))


def _rounded(layer: Layer) -> Layer:
    if layer.product is not Product.DOT:
        return layer
    units = tuple(max(map(abs, row)) / LARGEST or 1.0 for piece in layer.pieces for row in piece.weights)
    pieces = tuple(_in_units(piece, units) for piece in layer.pieces)
    return replace(layer, pieces=pieces, units=units)


def _in_units(piece: Piece, units: Row) -> Piece:
    own = units[piece.first_output : piece.first_output + piece.output_count]
    weights = tuple(
        tuple(float(round(value / unit)) for value in row) for row, unit in zip(piece.weights, own, strict=True)
    )
    return replace(piece, weights=weights)
