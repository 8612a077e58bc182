"""The child that compiles programs of PyTorch by Inductor: it sees the system, the program and its own folder only.

It runs where the runtime does, which may be an environment of its own: standard library and PyTorch only.
"""

import os
import resource
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.errors import CompileFailedError
from mltest.shared.native.artifact_child import ARTIFACT
from mltest.shared.native.compiler import FIRST_LINES, compiler_path

_VARIABLES = {
    # That processors have AVX2, AVX-512 or NEON need not be tried.
    "TORCHINDUCTOR_VEC_ISA_OK": "1",
    # No pool of processes.
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
}
"""Read when PyTorch is imported."""


def compile_program(frame: Frame) -> Frame:
    """Compile an exported program into a library in the working folder, for a number of threads; say what that cost."""
    from mltest.shared.native.torch_module import open_program, quiet, use_threads

    folder = str(Path.cwd())
    os.environ.update({**_VARIABLES, "TORCHINDUCTOR_CACHE_DIR": f"{folder}/inductor", "TMPDIR": folder})
    compiler = compiler_path("c++")
    # It would try in another interpreter, which may not be started, whether a processor has instructions for int8 and
    # bfloat16: no program here needs them.
    sys.executable = shutil.which("false") or compiler
    use_threads(frame["threads"])
    opened = open_program(Path(frame["source"]))
    started_ns = time.perf_counter_ns()
    with quiet():
        _compile(
            opened.program, opened.facts.row_shape, opened.facts.input_dtype, _settings(compiler, frame["threads"])
        )
    return {
        "compile_ns": time.perf_counter_ns() - started_ns,
        "compile_peak_bytes": max(_peak_bytes(resource.RUSAGE_CHILDREN), _peak_bytes(resource.RUSAGE_SELF)),
    }


def _compile(program: Any, row_shape: tuple[int, ...], dtype: str, settings: dict[str, Any]) -> None:
    import torch
    import torch._inductor

    rows = torch.zeros((2, *row_shape), dtype=getattr(torch, dtype))
    try:
        torch._inductor.aot_compile(program.module(check_guards=False), (rows,), options=settings)
    except MemoryError:
        raise
    except Exception as error:
        lines = "\n".join(str(error).strip().splitlines()[:FIRST_LINES])
        raise CompileFailedError(detail=f"Inductor: {lines or type(error).__name__}") from error


def _settings(compiler: str, threads: int) -> dict[str, Any]:
    return {
        "aot_inductor.output_path": str(Path.cwd() / ARTIFACT),
        # Headers that are compiled beforehand pay for a second program, and there is one.
        "aot_inductor.precompile_headers": False,
        "cpp_cache_precompile_headers": False,
        "cpp.cxx": (compiler,),
        "cpp.threads": threads,
    }


def _peak_bytes(who: int) -> int:
    return resource.getrusage(who).ru_maxrss * 1024


if __name__ == "__main__":
    serve({"program": compile_program})
