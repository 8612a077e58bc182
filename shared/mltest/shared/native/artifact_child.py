"""The child that compiles a candidate's source: it sees the system's folders, the source and its own folder only."""

import resource
import time
from pathlib import Path

from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.native.compiler import compile_library, compiler_path

ARTIFACT = "artifact.so"
"""What the library of a candidate is called in the child's folder."""


def compile_artifact(frame: Frame) -> Frame:
    """Compile the source of a candidate; say what that cost."""
    library, language = Path.cwd() / ARTIFACT, frame["language"]
    compiler = compiler_path(language)
    started_ns = time.perf_counter_ns()
    compile_library(compiler, [Path(frame["source"])], library, frame["flags"], language)
    return {
        "compile_ns": time.perf_counter_ns() - started_ns,
        # Of the largest process: a compiler does its passes one after the other.
        "compile_peak_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
    }


if __name__ == "__main__":
    serve({"artifact": compile_artifact})
