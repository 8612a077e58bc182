"""The runtimes that run ONNX graphs on a GPU, by name. Pure."""

ONNXRUNTIME_CUDA, ONNXRUNTIME_TENSORRT = "onnxruntime-cuda", "onnxruntime-tensorrt"
ON_GPU = (ONNXRUNTIME_CUDA, ONNXRUNTIME_TENSORRT)
