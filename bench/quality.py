"""What evaluation costs: seconds for each test on the digits forest and the breast cancer MLP of the examples.

Each test runs alone in the builder's child, as in a job; of a test of predictions that is one set of predictions, the
native model's own. The first request of a child, which imports scikit-learn, is not counted.
"""

import asyncio
import importlib.util
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bench.figures import Figure, publish
from mltest.coordinator.builder.builder import Inspection, PredictionFile
from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.planning.plan import Plan
from mltest.coordinator.tests.registry import (
    Test,
    applies,
    choice_of,
    is_model_test,
    is_sample_test,
    registered_tests,
)
from mltest.shared.domain import FileRef, JobSpec

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MODELS = ("forest_digits", "mlp_breast_cancer")
PLAN = Plan(build_timeout_s=600.0)


def main() -> None:
    """Measure, print, and write build/bench/quality.json."""
    print("takes some minutes: tests of robustness use their budgets", file=sys.stderr)
    publish("quality", [figure for name in MODELS for figure in asyncio.run(_measured(name))])


async def _measured(name: str) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(name, Path(folder))
        try:
            return [figure async for figure in bench.figures()]
        finally:
            await bench.builder.close()


class _Bench:
    """One model with its data, and a builder that has opened both."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._model, self._data = _saved(name, folder)
        self.builder = ProcessBuilder(folder)
        self._folder = folder
        self._spec = JobSpec(
            model=FileRef(name=self._model.name, sha256=""), data=(FileRef(name=self._data.name, sha256=""),)
        )

    async def figures(self) -> AsyncIterator[Figure]:
        """Yield the seconds of each test of the builder that applies."""
        inspection = await self.builder.inspect(
            self._spec, PLAN, model=self._model, data=[self._data], folder=self._folder
        )
        for test_class in registered_tests():
            if is_sample_test(test_class) or not applies(test_class.needs, inspection.model, has_target=True):
                continue
            seconds, count = await self._seconds(test_class, inspection)
            name = re.sub(r"\W+", "_", test_class.name)
            yield Figure(
                name=f"{self._name}_{name}_s",
                value=seconds,
                meaning=f"{test_class.__qualname__}, {inspection.dataset.row_count} rows, {count} results",
            )

    async def _seconds(self, test_class: type[Test], inspection: Inspection) -> tuple[float, int]:
        begin = time.perf_counter()
        files = {"dataset": inspection.dataset_path, "reference": inspection.reference_path}
        choice = choice_of(test_class)
        if is_model_test(test_class):
            results = await self.builder.examine(
                choice, self._spec, inspection.model, inspection.dataset, PLAN, model=self._model, training=(), **files
            )
        else:
            file = PredictionFile(candidate_id="c", agent_id="a", path=inspection.reference_path)
            (evaluation,) = await self.builder.evaluate(
                [choice], self._spec, inspection.model, PLAN, model=self._model, predictions=[file], **files
            )
            results = evaluation.results
        return time.perf_counter() - begin, len(results)


def _saved(name: str, folder: Path) -> tuple[Path, Path]:
    """Train an example's model and write it with its data to `folder`."""
    sys.path.insert(0, str(EXAMPLES))
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    from _submit import save_example

    model_path, data_path = save_example(folder, *module.trained())
    return model_path, data_path


if __name__ == "__main__":
    main()
