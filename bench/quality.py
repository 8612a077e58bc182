"""What evaluation costs: seconds for each test on the digits forest and the breast cancer MLP of the examples.

Each test runs alone in the builder's child, as in a job; of a test of predictions that is one set of predictions, the
native model's own. The first request of a child, which imports scikit-learn, is not counted. Tests that work until a
budget is used get a short one: their figure says how much less than it they need, or that they need all of it.

Behind that, the tests of each model once more, by one builder for each core at the same time: what a job waits for, and
the largest memory of a child.
"""

import asyncio
import importlib.util
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import fields
from pathlib import Path

from bench.figures import Figure, publish
from mltest.coordinator.builder.builder import Inspection, PredictionFile
from mltest.coordinator.builder.client import ProcessBuilder
from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.coordinator.tests.broken import broken_result
from mltest.coordinator.tests.registry import (
    Test,
    applies,
    choice_of,
    is_model_test,
    is_sample_test,
    registered_tests,
)
from mltest.shared.domain import FileRef, JobSpec, Result
from mltest.shared.errors import MltestError

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MODELS = ("forest_digits", "mlp_breast_cancer")
BUDGET_S = 5.0
"""Of each test that has one; two models with some ten such tests each take two minutes at most."""
PLAN = Plan(build_timeout_s=30.0)
"""A test that takes longer is ended, and counts as long as that."""


def main() -> None:
    """Measure, print, and write build/bench/quality.json."""
    print(f"takes up to five minutes: tests of robustness use their budgets of {BUDGET_S:g} s", file=sys.stderr)
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
        async for figure in self._together(inspection):
            yield figure

    async def _together(self, inspection: Inspection) -> AsyncIterator[Figure]:
        """Yield what it takes when all cores work."""
        waiting = [
            found
            for found in registered_tests()
            if is_model_test(found) and applies(found.needs, inspection.model, has_target=True)
        ]
        # Those with a budget first, as in a job.
        waiting.sort(key=_has_budget)
        test_count, cores = len(waiting), len(os.sched_getaffinity(0))
        builders = [ProcessBuilder(self._folder / f"core{number}", memory_share=1 / cores) for number in range(cores)]
        for number in range(cores):
            (self._folder / f"core{number}").mkdir()
        begin = time.perf_counter()

        async def work(builder: ProcessBuilder) -> None:
            while waiting:
                await self._examined(builder, waiting.pop(), inspection)

        try:
            await asyncio.gather(*(work(builder) for builder in builders))
        finally:
            for builder in builders:
                await builder.close()
        yield Figure(
            name=f"{self._name}_together_s",
            value=time.perf_counter() - begin,
            meaning=f"{test_count} tests of the model by {cores} builders at once, their start included",
        )
        yield Figure(
            name=f"{self._name}_child_peak_bytes",
            value=float(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024),
            meaning="largest resident memory of a child so far",
        )

    async def _examined(
        self, builder: ProcessBuilder, test_class: type[Test], inspection: Inspection
    ) -> Sequence[Result]:
        """Return what a test of the model says; one that is ended has one result, the reason."""
        try:
            return await builder.examine(
                _bounded(test_class),
                self._spec,
                inspection.model,
                inspection.dataset,
                PLAN,
                model=self._model,
                dataset=inspection.dataset_path,
                reference=inspection.reference_path,
                training=(),
            )
        except MltestError as error:
            return [broken_result(test_class.name, error)]

    async def _seconds(self, test_class: type[Test], inspection: Inspection) -> tuple[float, int]:
        begin = time.perf_counter()
        files = {"dataset": inspection.dataset_path, "reference": inspection.reference_path}
        results: Sequence[Result]
        if is_model_test(test_class):
            results = await self._examined(self.builder, test_class, inspection)
        else:
            file = PredictionFile(candidate_id="c", agent_id="a", path=inspection.reference_path)
            (evaluation,) = await self.builder.evaluate(
                [_bounded(test_class)],
                self._spec,
                inspection.model,
                PLAN,
                model=self._model,
                predictions=[file],
                **files,
            )
            results = evaluation.results
        return time.perf_counter() - begin, len(results)


def _has_budget(test_class: type[Test]) -> bool:
    return any(item.name == "budget_s" for item in fields(test_class))  # type: ignore[arg-type]  # a dataclass


def _bounded(test_class: type[Test]) -> TestChoice:
    return choice_of(test_class, {"budget_s": BUDGET_S} if _has_budget(test_class) else {})


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
