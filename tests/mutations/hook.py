"""Changes modules right after they are imported, so that no program imports more than it would without."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from tests.mutations.mutants import apply, chosen


def install(names: str) -> None:
    """Apply the mutants in `names`, separated by commas, to modules that are imported now or later."""
    for name in {mutant.module for mutant in chosen(names)}:
        if name in sys.modules:
            apply(names, sys.modules[name])
        else:
            sys.meta_path.insert(0, _Finder(name, names))


class _Finder(MetaPathFinder):
    def __init__(self, module: str, names: str) -> None:
        self._module, self._names = module, names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._names)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader, names: str) -> None:
        self._loader, self._names = loader, names

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        apply(self._names, module)
