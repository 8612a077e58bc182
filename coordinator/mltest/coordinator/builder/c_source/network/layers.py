"""Each layer in C: its weights, and a function that makes its outputs from its inputs for some rows. Pure."""

from collections.abc import Iterator, Sequence

from mltest.coordinator.builder.c_source.literals import C_TYPES, number_literal, table_lines
from mltest.coordinator.builder.c_source.network.arithmetic import EXP, LOGISTIC, TANH
from mltest.coordinator.builder.c_source.network.form import Curve, Layer, Network, Piece
from mltest.coordinator.builder.c_source.network.products import Loops, laid_out, loops_for
from mltest.coordinator.builder.c_source.thresholds import floor_to_float32

_FUNCTIONS = {Curve.TANH: TANH, Curve.LOGISTIC: LOGISTIC, Curve.EXPONENTIAL: EXP}


def all_loops(network: Network, machine: str) -> tuple[Loops, ...]:
    """Return the loops that the layers need, each once."""
    found = (loops_for(layer, piece, machine) for layer in network.layers for piece in layer.pieces)
    return tuple(dict.fromkeys(found))


def needed_functions(network: Network) -> set[tuple[str, str]]:
    """Return which functions of arithmetic the curves need, with the type of their numbers."""
    layers = (layer for layer in network.layers if layer.curve in _FUNCTIONS)
    return {(_FUNCTIONS[layer.curve], layer.number_type) for layer in layers}


def sums_width(layer: Layer, machine: str) -> int:
    """Return how many raw sums a row needs in `layer`."""
    return sum(loops_for(layer, piece, machine).width(piece.output_count) for piece in layer.pieces)


def layer_lines(index: int, layer: Layer, next_type: str, machine: str) -> list[str]:
    """Return C that defines `layer_INDEX(x, row_count, out)`; `out` is of `next_type`, of which the next layer is."""
    real, inputs, outputs = C_TYPES[layer.number_type], layer.input_count, layer.output_count
    return [
        *_tables(index, layer, machine),
        *_power(index, layer),
        f"static void layer_{index}(const {real} *restrict x, size_t row_count, {C_TYPES[next_type]} *restrict out) {{",
        f"    enum {{ INPUTS = {inputs}, OUTPUTS_HERE = {outputs}, WIDTH = {sums_width(layer, machine)} }};",
        f"    {real} sums[TILE * WIDTH];",
        *_products(index, layer, machine),
        "    size_t row = 0;",
        "    do { /* There is a row: so a compiler sees that all is written. */",
        *_stores(index, layer, next_type, machine),
        "    } while (++row < row_count);",
        "}",
        "",
    ]


def single(value: float, number_type: str) -> float:
    """Return `value` as a number of `number_type`, the nearest one."""
    if number_type != "float32":
        return value
    below = floor_to_float32(value)
    above = -floor_to_float32(-value)
    return below if value - below <= above - value else above


def _tables(index: int, layer: Layer, machine: str) -> Iterator[str]:
    for number, piece in enumerate(layer.pieces):
        loops = loops_for(layer, piece, machine)
        yield f"static const {loops.weight} WEIGHTS_{index}_{number}[] = {{"
        yield from table_lines(_weights(layer, laid_out(piece, loops)))
        yield from ("};", "")
    real = C_TYPES[layer.number_type]
    for name, values in (("BIAS", layer.bias), ("UNITS", layer.units)):
        if values:
            literals = (number_literal(single(value, layer.number_type), layer.number_type) for value in values)
            yield f"static const {real} {name}_{index}[] = {{"
            yield from table_lines(literals)
            yield from ("};", "")


def _weights(layer: Layer, values: Iterator[float]) -> Iterator[str]:
    if layer.units:
        return (str(int(value)) for value in values)
    return (number_literal(single(value, layer.number_type), layer.number_type) for value in values)


def _power(index: int, layer: Layer) -> list[str]:
    """Return the function that raises to a whole number, in the order in which libsvm multiplies."""
    if layer.curve is not Curve.POWER:
        return []
    real, lines, times = C_TYPES[layer.number_type], [], layer.degree
    while times > 0:
        lines += ["    result *= square;"] if times % 2 else []
        times //= 2
        lines += ["    square *= square;"] if times else []
    return [
        f"static inline {real} power_{index}({real} square) {{",
        f"    {real} result = 1;",
        *lines,
        *([] if layer.degree else ["    (void)square;"]),
        "    return result;",
        "}",
        "",
    ]


def _products(index: int, layer: Layer, machine: str) -> Iterator[str]:
    first = 0
    for number, piece in enumerate(layer.pieces):
        loops = loops_for(layer, piece, machine)
        count = piece.output_count if loops.is_few else loops.panels(piece.output_count)
        yield (
            f"    {loops.name}(x{_plus(piece.first_input)}, INPUTS, row_count, {piece.input_count}, {count}, "
            f"WEIGHTS_{index}_{number}, sums{_plus(first)}, WIDTH);"
        )
        first += loops.width(piece.output_count)


def _plus(offset: int) -> str:
    return f" + {offset}" if offset else ""


def _stores(index: int, layer: Layer, next_type: str, machine: str) -> Iterator[str]:
    """Yield loops, one for each run of outputs whose sums lie side by side."""
    first = 0
    for begin, end, width in _runs(layer.pieces, [loops_for(layer, piece, machine) for piece in layer.pieces]):
        value = f"sums[row * WIDTH{_plus(first)} + i]"
        value = f"{value} * UNITS_{index}[{_at(begin)}]" if layer.units else value
        value = f"{value} + BIAS_{index}[{_at(begin)}]" if layer.bias else value
        yield f"        for (size_t i = 0; i < {end - begin}; i++)"
        stored = _curved(index, layer, value)
        if next_type == "float32" and layer.number_type == "float64":
            stored = f"(float)({stored})"
        yield f"            out[row * OUTPUTS_HERE{_plus(begin)} + i] = {stored};"
        first += width


def _at(begin: int) -> str:
    return f"{begin} + i" if begin else "i"


def _runs(pieces: Sequence[Piece], loops: Sequence[Loops]) -> Iterator[tuple[int, int, int]]:
    """Yield (first output, behind the last output, sums); those of several pieces at once where nothing is between."""
    begin, width = 0, 0
    for piece, found in zip(pieces, loops, strict=True):
        width += found.width(piece.output_count)
        end = piece.first_output + piece.output_count
        if width > end - begin or piece is pieces[-1]:
            yield begin, end, width
            begin, width = end, 0


def _curved(index: int, layer: Layer, value: str) -> str:
    real = C_TYPES[layer.number_type]
    if layer.factor != 1:
        value = f"({value}) * {_literal(layer.factor, layer)}"
    if layer.offset:
        value = f"({value}) + {_literal(layer.offset, layer)}"
    if layer.curve is Curve.IDENTITY:
        return value
    if layer.curve is Curve.RELU:
        return f"{value} > 0 ? {value} : 0"
    if layer.curve is Curve.POWER:
        return f"power_{index}({value})"
    return f"{_FUNCTIONS[layer.curve]}_{real}({value})"


def _literal(value: float, layer: Layer) -> str:
    return number_literal(single(value, layer.number_type), layer.number_type)
