"""What the environment of a worker says before anything is imported: how many threads, and how its heap grows."""

_THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS"),
)
_HEAP_VARIABLES = {"MALLOC_TOP_PAD_": str(16 * 1024**2)}
"""The C library takes its heap in pieces of 16 MiB (mallopt(3), M_TOP_PAD): a model lies in one of them.

By default it takes 128 KiB at a time; then half of all processes walk the same forest 9 % slower than the others
(decision 30). Other C libraries do not know the variable.
"""


def worker_variables(threads: int) -> dict[str, str]:
    """Return the variables of a worker whose candidate declares so many threads."""
    return dict.fromkeys(_THREAD_VARIABLES, str(threads)) | _HEAP_VARIABLES
