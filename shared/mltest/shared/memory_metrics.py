"""Metrics of memory in processes that only load a candidate and let it answer."""

from mltest.shared.metric import Better, Metric

_L = Better.LOWER
_OF_PROCESS = {
    "memory_deploy_peak_bytes": "largest resident memory of a process that only loads and answers (VmHWM)",
    "memory_model_bytes": "what loading the artifact added (PSS behind it minus PSS behind the imports)",
    "memory_inference_bytes": "largest resident memory while answering minus that before (VmHWM, reset, minus RSS)",
    "memory_swapped_bytes": "of that process in swap, behind the calls",
    "memory_cgroup_peak_bytes": "peak of the control group of that process, page cache included (memory.peak)",
    "memory_parameter_bytes": "numbers of the model as they lie in memory, as its runtime tells",
    "memory_gpu_allocated_bytes": "GPU memory that the allocator of PyTorch gave out at most",
    "memory_gpu_reserved_bytes": "GPU memory that the allocator of PyTorch held at most",
    "memory_gpu_process_bytes": "GPU memory of that process with context and libraries (NVML)",
    "memory_gpu_shared_bytes": "memory of the machine that its GPU took meanwhile (NvMapMemUsed of a Jetson)",
}
_RSS = "resident memory of that process before its calls and behind each equal part of them"

RAW_MEMORY_METRICS = (
    *(Metric(key, "bytes", _L, meaning) for key, meaning in _OF_PROCESS.items()),
    Metric("memory_rss_bytes", "bytes", _L, _RSS),
)
MEMORY_METRICS = (
    *(Metric(key, "bytes", _L, meaning) for key, meaning in _OF_PROCESS.items()),
    Metric("memory_growth_bytes", "bytes", _L, "growth of that process for one call (Sen's slope)"),
    Metric("memory_leak_ratio", "1", _L, "share of its processes that certainly grew, and by more than 256 KiB"),
)
