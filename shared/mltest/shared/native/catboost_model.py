"""Opens a model of CatBoost; imports the library."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltest.shared.domain import Output, Task
from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.class_labels import class_indices, class_texts
from mltest.shared.native.library_model import LibraryModel, ModelFacts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_INDEPENDENT = "MultiClassOneVsAll"
"""Its probabilities do not sum to 1."""
_PROBABILITY, _CLASS = "Probability", "Class"
_EXPONENTS = ("Poisson", "Tweedie")
_EXPONENT = "Exponent"


def open_model(path: Path, threads: int) -> LibraryModel:
    """Open the cbm file `path`; see `libraries.open_library_model`. The usual call is `CatBoost.predict`."""
    import catboost

    model = catboost.CatBoost()
    try:
        model.load_model(str(path), format="cbm")
    except catboost.CatBoostError as error:
        raise ModelInvalidError(detail=f"CatBoost does not open it ({str(error).splitlines()[0][:200]})") from error
    facts = _facts(model)
    predict = partial(model.predict, thread_count=threads)
    if facts.task is Task.REGRESSION:
        kind = _EXPONENT if facts.kind.split()[-1].startswith(_EXPONENTS) else "RawFormulaVal"
        values = partial(predict, prediction_type=kind)
        return LibraryModel(facts=facts, input_dtype="float32", usual=values, scores=values)
    usual, labels = partial(predict, prediction_type=_PROBABILITY), partial(predict, prediction_type=_CLASS)

    def positions(rows: "NDArray[np.floating]") -> "NDArray[np.int64]":
        import numpy as np

        return class_indices(np.asarray(labels(rows)).reshape(-1), facts.classes)

    return LibraryModel(
        facts=facts,
        input_dtype="float32",
        usual=usual,
        scores=usual,
        labels=positions,
        class_call=labels,
        are_probabilities=facts.output is Output.PROBABILITIES,
    )


def _facts(model: Any) -> ModelFacts:
    import numpy as np

    for what, found in (
        ("categorical", model.get_cat_feature_indices()),
        ("text", model.get_text_feature_indices()),
        ("embedding", model.get_embedding_feature_indices()),
    ):
        if found:
            some = ", ".join(str(index) for index in found[:5])
            detail = f"the CatBoost model has {what} features ({some}), which are no numbers; rows here are numbers"
            raise ModelUnsupportedError(detail=detail, next_step="encode them as numbers and train it without them")
    loss = str(model.get_all_params().get("loss_function") or model.get_param("loss_function") or "")
    names = tuple(str(name) for name in model.feature_names_ or ())
    classes = class_texts(np.asarray(model.classes_)) if len(model.classes_) else ()
    if loss.startswith(("MultiLogloss", "MultiCrossEntropy")):
        raise ModelUnsupportedError(detail=f"a CatBoost model with {loss} gives several labels for each row")
    output = Output.SCORES if loss.startswith(_INDEPENDENT) else Output.PROBABILITIES
    return ModelFacts(
        family="boosting",
        kind=f"CatBoost {loss}".strip(),
        task=Task.CLASSIFICATION if classes else Task.REGRESSION,
        output=output if classes else Output.VALUES,
        feature_count=len(names),
        classes=classes,
        feature_names=() if names == tuple(str(index) for index in range(len(names))) else names,
    )
