"""Files of the kernel, any of which may be missing."""

from pathlib import Path


def kernel_text(path: Path) -> str:
    """Return the text of `path`; empty where it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except (OSError, ValueError):
        return ""


def kernel_line(path: Path) -> str:
    """Return the text of `path` as one line without blanks around it; empty where it cannot be read."""
    return " ".join(kernel_text(path).split())


def kernel_number(path: Path, base: int = 10) -> int | None:
    """Return the whole number in `path`; None where there is none to read."""
    try:
        return int(kernel_text(path), base)
    except ValueError:
        return None
