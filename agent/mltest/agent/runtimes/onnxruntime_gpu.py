"""ONNX Runtime on a GPU of NVIDIA: networks, from and to arrays in the memory of the host.

Written where there was no GPU: what is here follows the documentation, and was run up to the missing driver only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mltest.agent.runtimes.registry import runtime
from mltest.agent.runtimes.role import OpenModel, RuntimeNeeds
from mltest.shared.domain import VisitCandidate
from mltest.shared.errors import RuntimeMissingError
from mltest.shared.native.onnx_on_gpu import ONNXRUNTIME_CUDA, ONNXRUNTIME_TENSORRT
from mltest.shared.native.prepared_rows import prepared_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mltest.shared.native.onnx_session import OnnxSession
    from mltest.shared.native.predictions import Predictions

_CUDA_LIBRARIES = (
    *("nvidia-cublas", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime", "nvidia-cudnn-cu13"),
    *("nvidia-cufft", "nvidia-curand", "nvidia-nvjitlink"),
)
"""For the CUDA 13 that the pinned onnxruntime-gpu is built with."""
_CUDA_SETTINGS = {"use_tf32": "0"}


def _needs(name: str) -> RuntimeNeeds:
    return RuntimeNeeds(
        name=name,
        formats=("onnx",),
        packages=("onnxruntime-gpu", "numpy"),
        modules=("onnxruntime", "numpy"),
        extra="runtimes-onnxruntime-cuda",
        is_apart=True,
        needs_gpu=True,
        further_packages=_CUDA_LIBRARIES,
    )


@runtime
class OnnxRuntimeCuda:
    """Runs an ONNX graph by the CUDA provider; the copies to the GPU and back belong to a call."""

    needs = _needs(ONNXRUNTIME_CUDA)

    def obstacle(self) -> str:
        """Return why the provider cannot be loaded."""
        from mltest.agent.native.onnx_gpu_session import CUDA, provider_obstacle

        reason = provider_obstacle(CUDA)
        return reason and f"{reason}; {self.needs.remedy}"

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open an ONNX file on the GPU."""
        from mltest.agent.native.onnx_gpu_session import CUDA

        return _opened(self.obstacle(), artifact, candidate, CUDA, _CUDA_SETTINGS)


@runtime
class OnnxRuntimeTensorRt:
    """Runs an ONNX graph by the TensorRT provider; it builds its engine while it opens the graph."""

    needs = _needs(ONNXRUNTIME_TENSORRT)

    def obstacle(self) -> str:
        """Return why the provider cannot be loaded."""
        from mltest.agent.native.onnx_gpu_session import TENSORRT, provider_obstacle

        reason = provider_obstacle(TENSORRT)
        mended = (
            "TensorRT 10 for CUDA 13 comes from NVIDIA's packages for the system (libnvinfer10, libnvonnxparsers10)"
        )
        return reason and f"{reason}; {mended}"

    def open(self, artifact: Path, candidate: VisitCandidate) -> OpenModel:
        """Open an ONNX file on the GPU, and have its engine built for one row up to what a visit may ask for."""
        import numpy as np

        from mltest.agent.native.onnx_gpu_session import TENSORRT
        from mltest.agent.worker.prediction_chunks import CHUNK_ROWS

        opened = _opened(self.obstacle(), artifact, candidate, TENSORRT, _tensorrt_settings(Path.cwd(), candidate))
        # An engine is for the sizes that it has seen, and is built anew for others; so it sees them here.
        for size in (1, max(CHUNK_ROWS, *candidate.batch_sizes)):
            opened.predict(np.zeros((size, candidate.feature_count), dtype=candidate.input_dtype))
        return opened


def _tensorrt_settings(folder: Path, candidate: VisitCandidate) -> Mapping[str, str]:
    is_float16 = candidate.options.get("precision") == "float16"
    return {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": "1" if is_float16 else "0",
    }


def _opened(
    obstacle: str, artifact: Path, candidate: VisitCandidate, provider: str, settings: Mapping[str, str]
) -> "_OpenOnGpu":
    from mltest.agent.native.onnx_gpu_session import open_on_gpu

    if obstacle:
        raise RuntimeMissingError(runtime=candidate.runtime, detail=obstacle)
    return _OpenOnGpu(open_on_gpu(artifact, provider, settings), candidate)


class _OpenOnGpu:
    def __init__(self, session: "OnnxSession", candidate: VisitCandidate) -> None:
        self._session = session
        self._candidate = candidate
        self.predict = session.call(candidate.output)

    def prepare(self, rows: "NDArray[np.floating]") -> "NDArray[np.floating]":
        return prepared_rows(rows, self._candidate)

    def answer(self, output: object, row_count: int) -> "NDArray[np.generic]":
        return self._session.answer(output, self._candidate.output, row_count, classes=self._candidate.classes)

    def predictions(self, batch: "NDArray[np.floating]") -> "Predictions":
        return self._session.predictions(batch, task=self._candidate.task, classes=self._candidate.classes)
