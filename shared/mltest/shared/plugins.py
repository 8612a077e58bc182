"""Registries of plug-ins: filled by a decorator inside, by entry points from outside."""

import importlib
import logging
import pkgutil
import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

_LOG = logging.getLogger(__name__)

PluginT = TypeVar("PluginT")


class Registry(Generic[PluginT]):
    """The plug-ins of one role, by name.

    A plug-in registers itself when its module is imported. The modules of `package` come first; an entry point names a
    module (or something in one) of another distribution, and one that cannot be imported is skipped with a warning.
    """

    def __init__(self, *, group: str, package: str, name_of: Callable[[PluginT], str]) -> None:
        self._group = group
        self._package = package
        self._name_of = name_of
        self._found: dict[str, PluginT] = {}
        self._is_filled = False
        self._left_out: dict[str, str] = {}

    @property
    def left_out(self) -> Mapping[str, str]:
        """Why the modules of entry points could not be imported, by module."""
        self.all()
        return self._left_out

    def add(self, plugin: PluginT) -> None:
        """Register `plugin`; a second one of the same name is left out with a warning."""
        name = self._name_of(plugin)
        if name in self._found:
            _LOG.warning("%s has two plug-ins named %s; the second is left out", self._group, name)
            return
        self._found[name] = plugin

    def all(self) -> Mapping[str, PluginT]:
        """Return every plug-in by name: those of this project first, by module, whichever was imported first."""
        if not self._is_filled:
            self._is_filled = True
            for module in pkgutil.iter_modules(importlib.import_module(self._package).__path__):
                importlib.import_module(f"{self._package}.{module.name}")
            for entry in entry_points(group=self._group):
                self._load(entry)
        return dict(sorted(self._found.items(), key=lambda item: self._place(item[1])))

    def _place(self, plugin: PluginT) -> tuple[bool, str]:
        module = type(plugin).__module__
        is_own = module.startswith(f"{self._package}.")
        return not is_own, module if is_own else ""

    def _load(self, entry: EntryPoint) -> None:
        try:
            entry.load()
        except Exception as error:
            reason = import_failure(error)
            self._left_out[entry.module] = reason
            _LOG.warning("plug-in %s (%s) of %s is left out: %s", entry.name, entry.value, self._group, reason)


def import_failure(error: Exception) -> str:
    """Return why a module could not be imported, with the file and line where that happened."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not one.filename.startswith("<frozen")]
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
