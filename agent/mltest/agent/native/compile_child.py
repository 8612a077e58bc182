"""The child that compiles the agent's loop: it sees the system's folders, the sources and its own folder only."""

from pathlib import Path

from mltest.agent.native.compile import compiled_library
from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame


def compile_sources(frame: Frame) -> Frame:
    """Compile C sources into a shared library in the working folder."""
    return {"library": str(compiled_library([Path(path) for path in frame["sources"]], Path.cwd()))}


if __name__ == "__main__":
    serve({"compile": compile_sources})
