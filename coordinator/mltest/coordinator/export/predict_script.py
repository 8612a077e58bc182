"""The script that is exported with a candidate: it predicts through the runtime that was measured."""

SCRIPT = '''\
"""Predicts with the candidate in this folder, in the way in which it was measured.

Usage: python predict.py DATA.npz [OUT.csv]    X (rows, features) of DATA.npz; labels or values, one line a row
Needs: what requirements.txt names.
"""

import asyncio
import hashlib
import sys
from pathlib import Path

import numpy as np

from mltest.agent.runtimes.registry import runtime_named
from mltest.shared.domain import VisitCandidate
from mltest.shared.jsonable import from_json

HERE = Path(__file__).resolve().parent


def opened():
    """Return the model, ready to predict; sources are compiled here first."""
    candidate = from_json((HERE / "candidate.json").read_text(), VisitCandidate)
    return candidate, runtime_named(candidate.runtime).open(artifact_of(candidate), candidate)


def artifact_of(candidate):
    """Return the file that the runtime opens."""
    from mltest.agent.native.compiled_libraries import CompiledLibraries
    from mltest.shared.native.artifact_flags import LANGUAGES, artifact_flags
    from mltest.shared.native.compiled_program import TORCH_COMPILE
    from mltest.shared.native.compiler import compile_library, compiler_path

    artifact = HERE / "artifact"
    if candidate.runtime == TORCH_COMPILE:
        libraries = CompiledLibraries(HERE / "compiled")
        sha256 = hashlib.sha256(artifact.read_bytes()).hexdigest()
        return asyncio.run(libraries.compiled_program(artifact, sha256, candidate.threads)).path
    if candidate.format not in LANGUAGES:
        return artifact
    language, library = LANGUAGES[candidate.format], HERE / "artifact.so"
    flags = artifact_flags(candidate.options, language)
    compile_library(compiler_path(language), [artifact], library, flags, language)
    return library


def main(data, out="-"):
    """Write one line for each row."""
    candidate, model = opened()
    with np.load(data, allow_pickle=False) as arrays:
        predictions = model.predictions(model.prepare(arrays["X"]))
    if predictions.labels is not None:
        lines = [candidate.classes[label] if label >= 0 else "?" for label in predictions.labels]
    else:
        lines = [",".join(format(value, ".17g") for value in row) for row in predictions.scores]
    text = "".join(line + "\\n" for line in lines)
    sys.stdout.write(text) if out == "-" else Path(out).write_text(text)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
'''
