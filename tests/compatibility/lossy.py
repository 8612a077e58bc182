"""What becomes of the recipes that mean to change predictions, for a few models that stand for their families."""

from collections.abc import Iterator

from mltest.coordinator.builder.exporters.registry import exporter_of
from mltest.coordinator.builder.recipes import Recipes
from mltest.coordinator.builder.transforms.registry import transform_label, transform_needs
from mltest.coordinator.planning.plan import Plan
from mltest.shared.domain import Candidate
from tests.compatibility.cells import NONE, NOT_TRIED, REFUSED, Cell, Job, Row, cell_of, columns, opened
from tests.compatibility.families import FAMILIES

NATIVE = "native runtime, changed"
"""The column of the runtime that a model comes from: it runs what a transform makes of it as well."""
MODELS = (
    *("RandomForestClassifier, two classes", "ExtraTreesRegressor", "DecisionTreeClassifier"),
    *("GradientBoostingRegressor", "HistGradientBoostingClassifier", "AdaBoostClassifier"),
    *("LogisticRegression", "SVC, rbf", "MLPClassifier", "KNeighborsClassifier", "GaussianNB"),
    *("XGBoost, two classes", "LightGBM, ten classes", "LightGBM, forest", "CatBoost, values"),
    *("PyTorch, layers, scores of ten classes", "PyTorch, convolutions, probabilities"),
)
"""One of each family in each library, and those whose transforms differ."""
_UNTRANSFORMED = "as submitted"


def lossy_columns() -> tuple[str, ...]:
    """Return the columns of the table."""
    return (NATIVE, *columns())


def tried_lossy(name: str) -> dict[str, Row]:
    """Try every lossy recipe of one model, each transform in its first size; return rows by "model: recipe"."""
    with opened(FAMILIES[name]) as job:
        recipes = job.recipes(Plan(transforms=("all",)))
        baseline, *others = recipes.candidates
        refused = {one.runtime: cell_of(one, job) for one in others if one.reason and not one.variant}
        found: dict[str, dict[str, Cell]] = {}
        for candidate in others:
            if recipe := _recipe(candidate):
                is_native = candidate.runtime == baseline.runtime and bool(candidate.transform)
                row = found.setdefault(recipe, dict(refused) if candidate.transform else {})
                _add(row, NATIVE if is_native else candidate.runtime, candidate, job)
        for label, reason in _pruned(recipes):
            found[label] = dict.fromkeys(lossy_columns(), Cell(REFUSED, reason))
    family = job.inspection.model.family
    return {f"{name}: {recipe}": Row(family, baseline.runtime, _whole(cells)) for recipe, cells in found.items()}


def _add(row: dict[str, Cell], column: str, candidate: Candidate, job: Job) -> None:
    """Try a candidate, unless another for the same runtime has worked."""
    if row.get(column, Cell(REFUSED)).state in (REFUSED, NOT_TRIED):
        row[column] = cell_of(candidate, job)


def _whole(cells: dict[str, Cell]) -> dict[str, Cell]:
    return dict.fromkeys(lossy_columns(), Cell(NONE)) | cells


def _recipe(candidate: Candidate) -> str:
    """Return the name of a lossy recipe; empty if the table has none for it.

    A transform is exported in the plain way of each runtime: both at once would be every pair of losses.
    """
    if candidate.transform:
        return candidate.transform if candidate.transform in FIRST_SIZES and _is_plain(candidate) else ""
    return f"{_UNTRANSFORMED}, {candidate.variant or candidate.runtime}" if candidate.is_lossy else ""


def _is_plain(candidate: Candidate) -> bool:
    variants = exporter_of(candidate).needs.variants
    return candidate.variant == next((one.name for one in variants if not one.is_lossy), variants[0].name)


def _first_sizes() -> Iterator[str]:
    """Yield the label of each way of each transform, in the first of its sizes."""
    for needs in transform_needs():
        for variant in needs.variants[:: len(needs.variants) // max(len(needs.templates), 1)]:
            yield transform_label(needs, variant)


def _pruned(recipes: Recipes) -> Iterator[tuple[str, str]]:
    """Yield each transform that does not take the model, with the reason."""
    names = {needs.name for needs in transform_needs()}
    for cell in recipes.pruned:
        if cell.label in names:
            yield cell.label, f"{cell.label}: {cell.reason}"


FIRST_SIZES = frozenset(_first_sizes())
"""Labels of the transforms that the table has."""
