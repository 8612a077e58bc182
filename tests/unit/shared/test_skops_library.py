"""skops without every estimator of scikit-learn trusts the same estimators."""

import subprocess
import sys
from pathlib import Path

import pytest
import skops.io
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.utils import all_estimators

from mltest.shared.native.skops_library import is_estimator

_OPENED = """
import sys
from pathlib import Path
from mltest.shared.native.skops_file import open_skops
print(type(open_skops(Path(sys.argv[1]))).__name__)
print([name for name in ("sklearn.gaussian_process", "sklearn.utils._testing", "pytest") if name in sys.modules])
"""


def test_whatever_class_of_scikit_learn_a_file_names_is_an_estimator_where_scikit_learn_lists_it() -> None:
    listed = {f"{one.__module__}.{one.__name__}" for _, one in all_estimators()}
    classes = {
        f"{one.__module__}.{one.__name__}"
        for name, module in sorted(sys.modules.items())
        if name.startswith("sklearn.")
        for one in vars(module).values()
        if isinstance(one, type)
    }
    assert len(classes) > len(listed) > 150
    assert {name for name in classes | listed if is_estimator(name)} == listed


@pytest.mark.parametrize("name", ["os.system", "sklearn.tests.test_base.K", "sklearn", "sklearn..svm.SVC", ""])
def test_no_other_name_is_an_estimator(name: str) -> None:
    assert not is_estimator(name)


def test_a_process_that_opens_a_model_imports_only_what_the_model_is_made_of(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(LinearDiscriminantAnalysis().fit([[0.0], [1.0], [2.0]], [0, 1, 1]), path)
    command = [sys.executable, "-c", _OPENED, str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["LinearDiscriminantAnalysis", "[]"]
