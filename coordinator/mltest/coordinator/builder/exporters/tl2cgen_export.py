"""Tree ensembles to C that tl2cgen generates here, and that agents compile; nothing of tl2cgen is needed there."""

import contextlib
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mltest.coordinator.builder.c_source.foreign import MAX_FEATURES, ForeignSource, foreign_source
from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.exporters.tool import tool_errors, tool_version
from mltest.coordinator.builder.exporters.treelite_export import treelite_model
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import Output, Task
from mltest.shared.errors import ConversionError

_O1 = {"optimise": "O1"}
"""Its nested ifs run no faster with more optimisation, and compile two to three times as long."""
_HEADER = "header.h"


@exporter
class Tl2cgenExport:
    """Puts what tl2cgen writes into one file, behind the C interface."""

    needs = ExporterNeeds(
        name="tl2cgen_export",
        runtimes=("tl2cgen",),
        formats=dict.fromkeys(("skops", "pickle", "xgboost-json", "xgboost-ubj", "lightgbm"), "c-source"),
        families=("forest", "boosting", "tree"),
        takes="tree ensembles of scikit-learn, XGBoost and LightGBM",
        variants=(
            Variant(options=_O1),
            Variant(name="quantize", options={**_O1, "quantize": "1"}),
            Variant(name="annotate", options={**_O1, "annotate": "dataset"}, uses_rows=True),
        ),
        packages=("tl2cgen", "treelite"),
        extra="codegen",
        machines=("x86_64",),
        is_single_threaded=True,
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Generate, and put together."""
        version = tool_version(self.needs)
        if source.info.output not in (Output.PROBABILITIES, Output.VALUES):
            detail = f"it gives probabilities or values, and this model is asked for {source.info.output.value}"
            raise ConversionError(converter="tl2cgen", detail=detail)
        model, exported = treelite_model(source)
        rounds = exported.options.get("rounds_to_float32") == "true"
        input_type = "float32" if rounds else exported.input_dtype
        shape = _Shape(model)
        _check(source, model, shape)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder, tool_errors("tl2cgen"):
            code = _generated(model, source, input_type, Path(folder))
        about = f"{len(shape.node_counts)} trees as tl2cgen {version} writes them"
        foreign = ForeignSource(
            about=about,
            code=code,
            row_lines=_row_lines(model, shape, source),
            feature_count=int(model.num_feature),
            output_count=len(source.info.classes) or shape.result_count,
            input_type=input_type,
        )
        target.write_text(foreign_source(foreign), encoding="ascii")
        return Exported(input_dtype=input_type, options={"generator": f"tl2cgen {version}"})


class _Shape:
    """What a `treelite.Model` says of itself."""

    def __init__(self, model: Any) -> None:
        header = model.get_header_accessor()
        trees = [model.get_tree_accessor(index) for index in range(model.num_tree)]
        self.class_counts = [int(count) for count in header.get_field("num_class")]
        self.base_scores = [float(score) for score in header.get_field("base_scores")]
        self.node_counts = [len(tree.get_field("node_type")) for tree in trees]

    @property
    def result_count(self) -> int:
        """Values that tl2cgen's function writes."""
        return len(self.class_counts) * max(self.class_counts)


def _check(source: ExportSource, model: Any, shape: _Shape) -> None:
    """Refuse what tl2cgen gets wrong without a word, and what no agent can compile in time."""
    from mltest.coordinator.builder.c_source.if_else import MAX_NODES

    if (count := sum(shape.node_counts)) > MAX_NODES:
        detail = f"nested ifs of {count} nodes take a compiler too long (at most {MAX_NODES})"
    elif model.num_feature > MAX_FEATURES:
        detail = f"each of its calls copies the row, and rows of {model.num_feature} features are too long for that"
    elif len(shape.class_counts) > 1 and len(set(shape.base_scores)) > 1:
        detail = "it adds the first base score to every target, and theirs differ"
    elif source.options.get("quantize") and model.input_type != "float64":
        detail = "quantize writes thresholds of float32 with eight digits, which are not enough"
    elif source.info.classes and shape.result_count not in (1, len(source.info.classes)):
        detail = f"it gives {shape.result_count} values for {len(source.info.classes)} classes"
    else:
        return
    raise ConversionError(converter="tl2cgen", detail=detail)


def _generated(model: Any, source: ExportSource, input_type: str, folder: Path) -> str:
    """Return all that tl2cgen writes, as one piece of C: a function for each tree, which compilers take faster."""
    with contextlib.redirect_stdout(io.StringIO()):
        import tl2cgen

        parameters: dict[str, object] = {"parallel_comp": model.num_tree}
        if source.options.get("quantize"):
            parameters["quantize"] = 1
        if source.options.get("annotate"):
            parameters["annotate_in"] = str(_annotation(model, source, input_type, folder))
        tl2cgen.generate_c_code(model, folder / "code", parameters)
    written = sorted((folder / "code").glob("*.c"), key=_place)
    pieces = [(folder / "code" / _HEADER).read_text(), *(path.read_text() for path in written)]
    return "\n".join(pieces).replace(f'#include "{_HEADER}"\n', "")


def _place(path: Path) -> tuple[bool, int, str]:
    """Return by what files are ordered: trees by number, the main function last."""
    number = path.stem.removeprefix("tu")
    return path.stem == "main", int(number) if number.isdecimal() else -1, path.stem


def _annotation(model: Any, source: ExportSource, input_type: str, folder: Path) -> Path:
    """Write how many rows of the dataset come by each node."""
    import numpy as np
    import tl2cgen

    if source.rows is None:
        raise ConversionError(converter="tl2cgen", detail="branches are annotated with rows, and there are none")
    with np.load(source.rows, allow_pickle=False) as content:
        # DMatrix cannot convert with NumPy 2.
        rows = np.ascontiguousarray(content["X"].astype(input_type), dtype=model.input_type)
    path = folder / "annotation.json"
    tl2cgen.annotate_branch(model, tl2cgen.DMatrix(rows), path, nthread=1)
    return path


def _row_lines(model: Any, shape: _Shape, source: ExportSource) -> Sequence[str]:
    kind = {"float32": "float", "float64": "double"}[model.output_type]
    is_probability = source.info.task is Task.CLASSIFICATION and shape.result_count == 1
    return [
        "union Entry data[FEATURES];",
        f"{kind} result[{shape.result_count}] = {{0}};",
        "for (size_t i = 0; i < FEATURES; i++) {",
        "    if (isnan(row[i]))",
        "        data[i].missing = -1;",
        "    else",
        "        data[i].fvalue = row[i];",
        "}",
        "predict(data, 0, result);",
        *(
            ["out[1] = result[0];", "out[0] = 1.0 - out[1];"]
            if is_probability
            else ["for (size_t i = 0; i < OUTPUTS; i++)", "    out[i] = result[i];"]
        ),
    ]
