"""The child that compiles: it sees the system's folders, the sources and its own folder, and no other file."""

import resource
import time
from pathlib import Path

from mltest.agent.native.compile import compile_library, compiled_library, compiler_path
from mltest.shared.child_side import serve
from mltest.shared.frames import Frame

ARTIFACT = "artifact.so"
"""What the library of a candidate is called in the child's folder."""


def compile_sources(frame: Frame) -> Frame:
    """Compile C sources into a shared library in the working folder."""
    return {"library": str(compiled_library([Path(path) for path in frame["sources"]], Path.cwd()))}


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
    serve({"compile": compile_sources, "artifact": compile_artifact})
