"""The example of a test of one's own, found as an installed package is: by its entry point, in a fresh interpreter."""

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[4] / "examples" / "own_test"

PROGRAM = """
import sys
from mltest.coordinator.planning.plan import Plan, TestChoice
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.tests.registry import make_test, registered_tests
names = [found.name for found in registered_tests()]
assert names[-1] == "cost", names
assert not {"numpy", "sklearn"} & set(sys.modules)
plan = parse_plan('[[tests]]\\nmodule = "mltest_cost"\\nclass = "Cost"\\nparams = { miss_cost = 4, max_cost = 1 }\\n')
cost = make_test(plan.tests[0])
from tests.unit.coordinator.predictions import classified
evidence = classified([0, 0, 1, 1], truth=[1, 0, 0, 1], classes=("0", "1"))
(result,) = cost.results(evidence)
assert result.value == (4 + 1) / 4, result
assert cost.gate(evidence) == "its mean cost is 1.25, the limit is 1"

from pathlib import Path
import tempfile
from mltest.coordinator.builder.builder import PredictionFile
from mltest.coordinator.builder.evaluation import evaluations
from mltest.coordinator.builder.yardstick import Yardstick
from mltest.shared.native.predictions import save_predictions
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "p.npz"
    save_predictions(path, evidence.predictions)
    yardstick = Yardstick(
        model=evidence.model, rows=evidence.rows, truth=evidence.truth, reference=evidence.reference
    )
    file = PredictionFile(candidate_id="c", agent_id="a", path=path)
    (gated,) = evaluations(plan.tests, yardstick, [file])
    assert "mean cost" in gated.gate_reason
    broken = TestChoice(module="mltest_cost", class_name="Cost", params={"positive_class": "none"})
    (found,) = evaluations([broken], yardstick, [file])
    print(found.gate_reason, [one.reason for one in found.results if one.metric == "broken_test"])
"""


def test_a_test_of_an_installed_package_is_named_in_plans_and_gates(tmp_path: Path) -> None:
    metadata = tmp_path / "mltest_cost-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mltest-cost\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[mltest.tests]\ncost = mltest_cost\n")
    root = EXAMPLE.parents[1]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (EXAMPLE, tmp_path, root)))}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    # A test that breaks says how; its gate, which cannot be asked either, lets nothing through.
    assert "the model has no class 'none'" in run.stdout
