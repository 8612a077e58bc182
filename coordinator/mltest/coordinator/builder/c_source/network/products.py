"""Loops in C that multiply rows with weights, so written that a compiler makes several sums at once. Pure.

Weights of many outputs lie in panels: for each input, those of a few neighbouring outputs. A panel is as wide as two
registers of the processor; four of its kind, of four rows or of four panels, are summed at once. Few outputs are summed
along the inputs instead. Every sum is made in the same order, however many rows a call has.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mltest.coordinator.builder.c_source.literals import C_TYPES
from mltest.coordinator.builder.c_source.network.form import Layer, Piece, Product

AT_ONCE = 4
"""Rows, or panels, whose sums are made together."""
FEW_LANES = 8
"""Partial sums of an output that is summed along the inputs."""
PANEL_BYTES = {"any": 32, "native": 64}
"""Of a panel: twice what every 64-bit processor adds at once, or what it does if code is made for itself."""


@dataclass(frozen=True, slots=True)
class Loops:
    """Loops for one kind of product, of numbers and of weights."""

    number_type: str
    has_integers: bool
    product: Product
    is_few: bool
    """Whether sums go along the inputs."""
    lanes: int

    @property
    def name(self) -> str:
        """Return how they are called."""
        kind = "few" if self.is_few else self.product.value
        return f"{kind}_{self.real}{'_int8' if self.has_integers else ''}"

    @property
    def real(self) -> str:
        """Return the type of sums in C."""
        return C_TYPES[self.number_type]

    @property
    def weight(self) -> str:
        """Return the type of weights in C."""
        return "int8_t" if self.has_integers else self.real

    def width(self, output_count: int) -> int:
        """Return how many sums are made for so many outputs; those behind are of no use."""
        return output_count if self.is_few else self.panels(output_count) * self.lanes

    def panels(self, output_count: int) -> int:
        """Return in how many panels the weights of so many outputs lie."""
        return -(-output_count // self.lanes)


def loops_for(layer: Layer, piece: Piece, machine: str) -> Loops:
    """Return which loops multiply `piece` on a `machine` of PANEL_BYTES."""
    lanes = PANEL_BYTES[machine] // (4 if layer.number_type == "float32" else 8)
    is_few = layer.product is Product.DOT and piece.output_count < min(lanes, 4)
    return Loops(layer.number_type, bool(layer.units), layer.product, is_few, FEW_LANES if is_few else lanes)


def laid_out(piece: Piece, loops: Loops) -> Iterator[float]:
    """Yield the weights in the order in which `loops` read them; a missing output has zeros."""
    if loops.is_few:
        for row in piece.weights:
            yield from row
        return
    nothing = (0.0,) * piece.input_count
    for first in range(0, piece.output_count, loops.lanes):
        panel = list(piece.weights[first : first + loops.lanes])
        panel += [nothing] * (loops.lanes - len(panel))
        for weights in zip(*panel, strict=True):
            yield from weights


def loop_lines(loops: Loops) -> list[str]:
    """Return C that defines the function `loops.name`; it writes raw sums, `width` of them a row."""
    if loops.is_few:
        return [*_few(loops), *_few_rows(loops)]
    kernels = ((AT_ONCE, 1), (1, AT_ONCE), (1, 1))
    return [*(line for rows, panels in kernels for line in _kernel(loops, rows, panels)), *_panels(loops)]


def _kernel(loops: Loops, rows: int, panels: int) -> list[str]:
    """Return the function for so many rows and panels; all of its sums stay in registers."""
    cells = [(row, panel) for row in range(rows) for panel in range(panels)]
    lanes, real = loops.lanes, loops.real
    return [
        f"static inline void {loops.name}_{rows}x{panels}(const {real} *restrict x, size_t stride, size_t inputs,",
        f"        const {loops.weight} *restrict w, {real} *restrict sums, size_t width) {{",
        f"    {real} {', '.join(f's{row}{panel}[{lanes}] = {{0}}' for row, panel in cells)};",
        "    for (size_t i = 0; i < inputs; i++)",
        f"        for (size_t lane = 0; lane < {lanes}; lane++) {{",
        *(f"            {real} w{panel} = {_weight(loops, panel)};" for panel in range(panels)),
        *(f"            {_step(loops, row, panel)}" for row, panel in cells),
        "        }",
        f"    for (size_t lane = 0; lane < {lanes}; lane++) {{",
        *(
            f"        sums[{_offset(row, 'width')}{panel * lanes} + lane] = s{row}{panel}[lane];"
            for row, panel in cells
        ),
        "    }",
        *(["    (void)stride, (void)width;"] if rows == 1 else []),
        "}",
        "",
    ]


def _weight(loops: Loops, panel: int) -> str:
    at = f"w[({_offset(panel, 'inputs')}i) * {loops.lanes} + lane]"
    return f"({loops.real}){at}" if loops.has_integers else at


def _step(loops: Loops, row: int, panel: int) -> str:
    value, weight = f"x[{_offset(row, 'stride')}i]", f"w{panel}"
    if loops.product is Product.DOT:
        return f"s{row}{panel}[lane] += {value} * {weight};"
    apart = f"({value} - {weight})"
    return f"s{row}{panel}[lane] += {apart} * {apart};"


def _offset(count: int, size: str) -> str:
    return "" if count == 0 else f"{size} + " if count == 1 else f"{count} * {size} + "


def _panels(loops: Loops) -> list[str]:
    name, lanes = loops.name, loops.lanes
    return [
        f"static void {name}(const {loops.real} *restrict x, size_t stride, size_t row_count, size_t inputs,",
        f"        size_t panels, const {loops.weight} *restrict w, {loops.real} *restrict sums, size_t width) {{",
        f"    size_t together = row_count / {AT_ONCE} * {AT_ONCE}, grouped = panels / {AT_ONCE} * {AT_ONCE};",
        "    for (size_t panel = 0; panel < panels; panel++)",
        f"        for (size_t row = 0; row < together; row += {AT_ONCE})",
        f"            {name}_{AT_ONCE}x1(x + row * stride, stride, inputs, w + panel * inputs * {lanes},",
        f"                sums + row * width + panel * {lanes}, width);",
        "    for (size_t row = together; row < row_count; row++) {",
        f"        for (size_t panel = 0; panel < grouped; panel += {AT_ONCE})",
        f"            {name}_1x{AT_ONCE}(x + row * stride, stride, inputs, w + panel * inputs * {lanes},",
        f"                sums + row * width + panel * {lanes}, width);",
        "        for (size_t panel = grouped; panel < panels; panel++)",
        f"            {name}_1x1(x + row * stride, stride, inputs, w + panel * inputs * {lanes},",
        f"                sums + row * width + panel * {lanes}, width);",
        "    }",
        "}",
        "",
    ]


def _few(loops: Loops) -> list[str]:
    weight = f"({loops.real})w[i + lane]" if loops.has_integers else "w[i + lane]"
    step = f"s[lane] += x[i + lane] * {weight};"
    pairs = " + ".join(f"(s[{lane}] + s[{lane + 1}])" for lane in range(0, FEW_LANES, 2))
    return [
        f"static inline {loops.real} {loops.name}_1(const {loops.real} *restrict x, size_t inputs,",
        f"        const {loops.weight} *restrict w) {{",
        f"    {loops.real} s[{FEW_LANES}] = {{0}};",
        f"    size_t whole = inputs / {FEW_LANES} * {FEW_LANES};",
        f"    for (size_t i = 0; i < whole; i += {FEW_LANES})",
        f"        for (size_t lane = 0; lane < {FEW_LANES}; lane++)",
        f"            {step}",
        "    for (size_t lane = 0, i = whole; lane < inputs - whole; lane++)",
        f"        {step}",
        f"    return {pairs};",
        "}",
        "",
    ]


def _few_rows(loops: Loops) -> list[str]:
    return [
        f"static void {loops.name}(const {loops.real} *restrict x, size_t stride, size_t row_count, size_t inputs,",
        f"        size_t outputs, const {loops.weight} *restrict w, {loops.real} *restrict sums, size_t width) {{",
        "    size_t row = 0;",
        "    do { /* There is a row, and an output: so a compiler sees that all is written. */",
        "        size_t output = 0;",
        "        do",
        f"            sums[row * width + output] = {loops.name}_1(x + row * stride, inputs, w + output * inputs);",
        "        while (++output < outputs);",
        "    } while (++row < row_count);",
        "}",
        "",
    ]
