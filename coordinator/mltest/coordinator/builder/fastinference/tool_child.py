"""The process in which FastInference runs, by its own interpreter: it looks at the tool, and has it generate C++.

Standard library only; the tool is imported inside the handlers, behind the walls. It comes as it is: nothing of it is
replaced here.
"""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from mltest.coordinator.builder.fastinference.generated import joined
from mltest.shared.children.child_side import serve
from mltest.shared.children.frames import Frame
from mltest.shared.errors import ConversionError

_PACKAGE = "fastinference"
_KNOWN_BY = ("Loader.py", "models/Tree.py", "implementations/tree/cpp/native/base.j2")
"""Files of the project that is meant; another one has the same name."""
_TOLD_PACKAGES = ("jinja2", "numpy", "scikit-learn")
_KERNEL_PROGRAMS = ("g++", "objdump")
_MAX_WORDS = 300


def look(frame: Frame) -> Frame:
    """Say what the tool is: `failure` or `other` if it cannot be used, else what identifies it and what is broken."""
    _find(frame["checkout"])
    folder = _folder()
    if folder is None:
        return {"failure": f"{sys.executable} finds no package {_PACKAGE}"}
    if missing := [name for name in _KNOWN_BY if not (folder / name).is_file()]:
        return {"other": f"{folder} is {_described()} (it has no {missing[0]})"}
    try:
        importlib.import_module(f"{_PACKAGE}.Loader")
    except Exception as error:
        return {"failure": f"importing it with {sys.executable} fails: {_words(error)}"}
    return {
        "folder": str(folder),
        "commit": _installed_commit(),
        "content": _content(folder),
        "python": _python(),
        "broken": {part: words for part in frame["parts"] if (words := _import_failure(part))},
    }


def generate(frame: Frame) -> Frame:
    """Have C++ written for the model in the file `task`, into the file `source`."""
    _find(frame["checkout"])
    task = json.loads(Path(frame["task"]).read_text())
    try:
        text = _generated(task, Path(frame["task"]), Path(frame["source"]).with_suffix(""))
    except Exception as error:
        raise ConversionError(converter="FastInference", detail=_words(error)) from error
    Path(frame["source"]).write_text(text + task["wrapper"], encoding="utf-8")
    return {}


def _generated(task: dict[str, Any], path: Path, folder: Path) -> str:
    import numpy as np

    loader = importlib.import_module(f"{_PACKAGE}.Loader")
    if "kernel_type" in task["arguments"]:
        _check_programs()
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps(task["model"]))
    model = loader.model_from_file(str(folder / "model.json"))
    # Refinement shuffles rows; the same model has to give the same bytes.
    np.random.seed(0)
    rows = _rows(path.with_name(task["rows"])) if task["rows"] else {}
    optimizers = [(one["name"], {**one["arguments"], **_renamed(rows, one["rows"])}) for one in task["optimizers"]]
    names, arguments = [name for name, _ in optimizers], [found for _, found in optimizers]
    bases = [one["name"] for one in task["base_optimizers"]]
    model.optimize(names or None, arguments, bases or None, [one["arguments"] for one in task["base_optimizers"]])
    model.implement(str(folder), "model", "cpp", task["implementation"], **task["arguments"])
    text = joined(folder, "model", [one.name for one in model.models])
    shutil.rmtree(folder)
    return text


def _rows(path: Path) -> dict[str, Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return {"X": arrays["X"], "Y": arrays["y"]}


def _renamed(rows: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names[name]: rows[name] for name in names}


def _check_programs() -> None:
    for program in _KERNEL_PROGRAMS:
        if shutil.which(program) is None:
            raise OSError(f"it sizes kernels with {program}, which is not here; apt install g++ binutils")


def _find(checkout: str) -> None:
    if checkout and checkout not in sys.path:
        sys.path.insert(0, checkout)


def _folder() -> Path | None:
    """Return where the package is, without importing it: it may be another one of that name."""
    spec = importlib.util.find_spec(_PACKAGE)
    found = list(spec.submodule_search_locations or ()) if spec else []
    return Path(found[0]) if found else None


def _described() -> str:
    try:
        found = importlib.metadata.metadata(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return "another project of that name"
    pages = [*(found.get_all("Home-page") or ()), *(found.get_all("Project-URL") or ())]
    return f"another project of that name, {found['Version']} ({'; '.join(pages) or 'no home page'})"


def _installed_commit() -> str:
    """Return the commit that an installer noted (direct_url.json); empty if there is no such note."""
    try:
        text = importlib.metadata.distribution(_PACKAGE).read_text("direct_url.json")
        return str(json.loads(text or "{}").get("vcs_info", {}).get("commit_id", ""))
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""


def _content(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.j2")]):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _python() -> str:
    found = [f"Python {platform.python_version()}"]
    for name in _TOLD_PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def _import_failure(part: str) -> str:
    try:
        importlib.import_module(f"{_PACKAGE}.{part}")
    except Exception as error:
        return _words(error)
    return ""


def _words(error: Exception) -> str:
    line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {line}"[:_MAX_WORDS]


if __name__ == "__main__":
    serve({"look": look, "generate": generate})
