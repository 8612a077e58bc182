import importlib
import logging
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from mltest.shared import plugins
from mltest.shared.plugins import Registry


def registry() -> Registry[str]:
    return Registry(group="mltest.nothing", package="mltest.shared.domain", name_of=lambda plugin: plugin)


def test_a_second_plug_in_of_the_same_name_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    found = registry()
    found.add("one")
    found.add("one")
    assert list(found.all()) == ["one"]
    assert "two plug-ins named one" in caplog.text


def test_a_broken_plug_in_from_outside_is_left_out_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = EntryPoint(name="broken", value="no_such_module_anywhere", group="mltest.nothing")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [broken])
    with caplog.at_level(logging.WARNING):
        assert registry().all() == {}
    assert "broken (no_such_module_anywhere)" in caplog.text


def test_what_was_imported_before_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "ordered_plug_ins"
    package.mkdir()
    (package / "__init__.py").write_text(_REGISTRY)
    for name in ("first", "second"):
        (package / f"{name}.py").write_text(
            f"from ordered_plug_ins import REGISTRY\nclass Plugin: name = {name!r}\nREGISTRY.add(Plugin())\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.import_module("ordered_plug_ins").REGISTRY
    importlib.import_module("ordered_plug_ins.second")
    assert list(found.all()) == ["first", "second"]


_REGISTRY = """
from mltest.shared.plugins import Registry
REGISTRY = Registry(group="mltest.nothing", package="ordered_plug_ins", name_of=lambda plugin: plugin.name)
"""
