"""ONNX Runtime on a GPU: its provider and the libraries behind it are there, and every node is the provider's.

Source: ONNX Runtime, onnxruntime_session_options_config_keys.h and the pages of its CUDA and TensorRT providers.
"""

import ctypes
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from mltest.shared.errors import ModelInvalidError, ModelUnsupportedError
from mltest.shared.native.onnx_session import OnnxSession

CUDA, TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
_LIBRARIES = {CUDA: "libonnxruntime_providers_cuda.so", TENSORRT: "libonnxruntime_providers_tensorrt.so"}
_HOST_LIBRARY = "libonnxruntime_providers_shared.so"
"""What a provider's library gets its symbols from; ONNX Runtime loads it first, too."""
_ERRORS_ONLY = 3
_VARIABLES = {"NVIDIA_TF32_OVERRIDE": "0", "CUDA_CACHE_DISABLE": "1"}
"""Products in float32 as everywhere else, not in the 10 bits of TF32; and no file of an earlier process."""
_MAX_LINE_CHARS = 300


def provider_obstacle(provider: str) -> str:
    """Return why ONNX Runtime cannot use `provider` here; empty if it can load it. Needs its modules imported."""
    import onnxruntime

    if provider not in onnxruntime.get_available_providers():
        return f"onnxruntime {onnxruntime.__version__} was built without {provider}"
    _load_libraries_of_cuda()
    folder = Path(onnxruntime.__file__).parent / "capi"
    try:
        ctypes.CDLL(str(folder / _HOST_LIBRARY), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / _LIBRARIES[provider]))
    except OSError as error:
        return f"{provider} cannot be loaded: {_first_line(error)}"
    return ""


def open_on_gpu(path: Path, provider: str, settings: Mapping[str, str]) -> OnnxSession:
    """Open the graph in `path` for `provider`, and for nothing else: a node that it does not take is an error.

    Raises:
        ModelInvalidError: it is not a whole ONNX graph.
        ModelUnsupportedError: the provider does not take all of it, or is not what runs it.

    """
    import onnxruntime

    os.environ.update(_VARIABLES)
    _load_libraries_of_cuda()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        # It would otherwise try again with other providers where this one fails.
        session = onnxruntime.InferenceSession(
            str(path), options, providers=[(provider, dict(settings))], enable_fallback=0
        )
    except Exception as error:
        _refuse(error, provider)
    session.disable_fallback()
    used = session.get_providers()[:1]
    if used != [provider]:
        raise ModelUnsupportedError(detail=f"{provider} was asked for, and ONNX Runtime uses {', '.join(used)}")
    return OnnxSession(session)


def _refuse(error: Exception, provider: str) -> None:
    line = _first_line(error)
    if "fallback to CPU EP" in line or "NOT_IMPLEMENTED" in line:
        detail = f"{provider} does not take every operator of it, and nothing else may run the rest: {line}"
        raise ModelUnsupportedError(detail=detail) from error
    raise ModelInvalidError(detail=f"ONNX Runtime cannot open it for {provider}: {line}") from error


def _load_libraries_of_cuda() -> None:
    """Load CUDA and cuDNN from the packages beside onnxruntime; what they lack, the system has to have."""
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls"):
        # It prints what it did not find; what matters of that is what the provider then lacks.
        with redirect_stdout(StringIO()):
            onnxruntime.preload_dlls()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:_MAX_LINE_CHARS]
