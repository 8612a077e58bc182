"""scikit-learn models as tensor operations, by Hummingbird, traced into TorchScript.

Hummingbird rounds each threshold of a tree to the nearest float32: a value that lies just there may go the other way
than in scikit-learn, which compares with a float64 threshold. The gate says in how many rows it did.
"""

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.coordinator.builder.exporters.registry import exporter
from mltest.coordinator.builder.exporters.role import Exported, ExporterNeeds, ExportSource
from mltest.coordinator.builder.variant import Variant
from mltest.shared.domain import Output, Task
from mltest.shared.errors import ConversionError

if TYPE_CHECKING:
    from mltest.shared.native.outputs import NativeModel

_CONVERTER = "Hummingbird"
_MISSING = re.compile(r"converter for .*<class '([\w.]+)'>")


@exporter
class HummingbirdExport:
    """An agent needs PyTorch only, not Hummingbird."""

    needs = ExporterNeeds(
        name="hummingbird_export",
        runtimes=("torch",),
        formats={"skops": "torchscript", "pickle": "torchscript"},
        families=("forest", "tree", "boosting", "svm", "linear", "mlp"),
        takes="exported programs, and forests, boosting, SVM, linear models and networks of scikit-learn",
        variants=(Variant(name="Hummingbird"),),
        packages=("hummingbird-ml", "torch"),
        extra="builder-torch",
    )

    def export(self, source: ExportSource, target: Path) -> Exported:
        """Convert, then trace."""
        from mltest.coordinator.builder.torch_parts import require, write_script

        require("torch", "hummingbird", converter=_CONVERTER)
        import torch

        native = source.native
        assert native is not None
        write_script(_module(native), native.feature_count, torch.float32, target, converter=_CONVERTER)
        return Exported(input_dtype="float32")


def _module(native: "NativeModel") -> Any:
    """Return a module that gives what the job asks for: scores, or labels as positions of classes.

    Where scikit-learn has decisions in place of probabilities, Hummingbird's scores are something else.
    """
    import torch

    inner, is_classifier = _converted(native), native.task is Task.CLASSIFICATION
    keeps_labels = native.output is Output.LABELS

    class Asked(torch.nn.Module):  # type: ignore[misc]  # its types are not looked at
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, rows: Any) -> Any:
            output = self.inner(rows)
            return output[0 if keeps_labels else 1] if is_classifier else output

    return Asked()


def _converted(native: "NativeModel") -> Any:
    import numpy as np
    from hummingbird.ml import convert

    from mltest.shared.native.torch_module import first_line, quiet

    options = {"container": False, "n_threads": 1}
    rows = np.zeros((2, native.feature_count), dtype=np.float32)
    try:
        with quiet():
            return convert(_with_positions(native), "torch", rows, extra_config=options)
    except MemoryError:
        raise
    except Exception as error:
        raise ConversionError(converter=_CONVERTER, detail=_explained(first_line(error))) from error


def _explained(line: str) -> str:
    """Return what Hummingbird said, with the name of the class that it lacks in front of its module."""
    if missing := _MISSING.search(line):
        module, _, name = missing[1].rpartition(".")
        return f"it has no converter for {name} ({module})"
    return line


def _with_positions(native: "NativeModel") -> Any:
    """Return a copy whose classes are 0 to n-1, which is what its labels then are: Hummingbird takes integers only.

    Without the parameter `multi_class`, which scikit-learn 1.8 took away, it takes softmax for one against the rest.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    from mltest.shared.native.outputs import final_estimator

    estimator = copy.deepcopy(native.estimator)
    final = final_estimator(estimator)
    if native.task is Task.CLASSIFICATION:
        final.classes_ = np.arange(len(native.classes))
    if isinstance(final, LogisticRegression) and not hasattr(final, "multi_class"):
        final.multi_class = "auto"
    return estimator
