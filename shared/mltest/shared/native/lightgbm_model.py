"""Opens a model of LightGBM; imports the library."""

from functools import partial
from pathlib import Path

from mltest.shared.domain import Output
from mltest.shared.errors import ModelInvalidError
from mltest.shared.native.library_model import LibraryModel
from mltest.shared.native.lightgbm_file import facts_of_lightgbm, read_lightgbm


def open_model(path: Path, threads: int) -> LibraryModel:
    """Open the text file `path`; see `libraries.open_library_model`. The usual call is `Booster.predict`."""
    import lightgbm

    facts = facts_of_lightgbm(read_lightgbm(path))
    try:
        booster = lightgbm.Booster(model_file=path)
    except lightgbm.basic.LightGBMError as error:
        raise ModelInvalidError(detail=f"LightGBM does not open it ({str(error)[:200]})") from error
    usual = partial(booster.predict, num_threads=threads)
    return LibraryModel(
        facts=facts,
        input_dtype="float64",
        usual=usual,
        scores=usual,
        are_probabilities=facts.output is Output.PROBABILITIES,
    )
