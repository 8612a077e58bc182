"""Files of the kernel, any of which may be missing."""

from pathlib import Path


def kernel_text(path: Path) -> str:
    """Return the text of `path`; empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
