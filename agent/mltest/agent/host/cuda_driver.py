"""Whether the driver of NVIDIA has a GPU for this process; for child processes, since it stays loaded.

Source: NVIDIA, CUDA Driver API, cuInit and cuDeviceGetCount (cuda.h).
"""

import ctypes

LIBRARY = "libcuda.so.1"
_REMEDY = "nvidia-smi has to list a GPU here; workers that systemd starts need systemd/mltest-worker-gpu.conf, too"
_NO_DEVICE = 100


def cuda_obstacle(library: str = LIBRARY) -> str:
    """Return why no GPU can be used from this process, and what mends it; empty if one can."""
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return f"there is no driver of NVIDIA ({library} cannot be loaded); {_REMEDY}"
    if status := driver.cuInit(0):
        words = "finds no GPU" if status == _NO_DEVICE else "cannot be used"
        return f"the driver of NVIDIA {words} (cuInit answers {status}); {_REMEDY}"
    count = ctypes.c_int(0)
    status = driver.cuDeviceGetCount(ctypes.byref(count))
    if status or count.value < 1:
        return f"the driver of NVIDIA finds no GPU (cuDeviceGetCount answers {status}, {count.value}); {_REMEDY}"
    return ""
