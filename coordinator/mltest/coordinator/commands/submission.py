"""From the arguments of `submit` to files that were looked at and a plan that was read."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from mltest.coordinator.builder.transform_sizes import sized_name
from mltest.coordinator.planning.figure_names import parse_bound, parse_figure
from mltest.coordinator.planning.plan_file import parse_plan
from mltest.coordinator.planning.plan_text import plan_toml
from mltest.coordinator.planning.screening import check_screen
from mltest.coordinator.tests.chosen import checked_names
from mltest.coordinator.tests.scenarios import with_scenarios
from mltest.coordinator.tests.tolerance import with_tolerance
from mltest.shared.errors import DataInvalidError, ModelInvalidError, PlanInvalidError, UserError
from mltest.shared.model_format import permitted_format

NumberT = TypeVar("NumberT", int, float)


def checked_model(path: Path, *, allows_pickle: bool) -> Path:
    """Return `path` if it is a file that can be read, of a format that is taken, before anything is sent.

    Raises:
        ModelInvalidError, ModelRefusedError, ModelUnsupportedError: it is not.

    """
    permitted_format(_readable(path, ModelInvalidError), allows_pickle=allows_pickle)
    return path


def checked_data(paths: list[Path]) -> list[Path]:
    """Return `paths` if each is a file that can be read (DataInvalidError otherwise)."""
    return [_readable(path, DataInvalidError) for path in paths]


def plan_text(arguments: argparse.Namespace) -> str:
    """Return the plan of the arguments as TOML: that of the file, changed by what the other arguments say.

    Raises:
        PlanInvalidError: it is not valid; the file is named.

    """
    text = plan_file_text(arguments.plan) if arguments.plan else ""
    plan = parse_plan(text)
    changed = replace(
        plan,
        profile=arguments.profile or plan.profile,
        rounds=arguments.rounds or (0 if arguments.profile else plan.rounds),
        budget_s=arguments.budget or plan.budget_s,
        screen=arguments.screen or plan.screen,
        test_names=checked_names(arguments.tests) or plan.test_names,
        scenarios=(*plan.scenarios, *arguments.scenario),
        min_label_agreement=_given(arguments.min_agreement, plan.min_label_agreement),
        max_abs_difference=_given(arguments.max_difference, plan.max_abs_difference),
        lossy_max_differing_ratio=_given(arguments.lossy_max_differing, plan.lossy_max_differing_ratio),
        lossy_max_quality_loss=_given(arguments.lossy_max_loss, plan.lossy_max_quality_loss),
        runtimes=tuple(arguments.runtime) or plan.runtimes,
        transforms=tuple(arguments.transform) or plan.transforms,
        only=tuple(arguments.only) or plan.only,
        skip=(*plan.skip, *arguments.skip),
        max_candidates=_given(arguments.max_candidates, plan.max_candidates),
        min_sandbox=arguments.min_sandbox or plan.min_sandbox,
        objective=parse_figure(arguments.order_by) if arguments.order_by else plan.objective,
        bounds=(*plan.bounds, *(parse_bound(text) for text in arguments.limit)),
    )
    with_tolerance(with_scenarios(changed.tests, changed.scenarios), changed)
    check_screen(changed)
    for name in changed.transforms:
        sized_name(name)
    return text if changed == plan else plan_toml(changed)


def plan_file_text(path: Path) -> str:
    """Return the plan in a file as it is written (PlanInvalidError if it cannot be read or is not valid)."""
    text = _text_of(path)
    try:
        parse_plan(text)
    except PlanInvalidError as error:
        raise PlanInvalidError(detail=f"{path}: {error.facts.get('detail')}") from error
    return text


def _given(argument: NumberT | None, otherwise: NumberT) -> NumberT:
    return otherwise if argument is None else argument


def _text_of(path: Path) -> str:
    try:
        return _readable(path, PlanInvalidError).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PlanInvalidError(detail=f"{path} is not text in UTF-8") from error


def _readable(path: Path, error_type: type[UserError]) -> Path:
    if path.is_dir():
        raise error_type(detail=f"{path} is a folder", next_step="name a file")
    if not path.exists():
        raise error_type(detail=f"there is no file {path}", next_step="check the path")
    if not os.access(path, os.R_OK):
        raise error_type(detail=f"{path} cannot be read", next_step=f"ask for the right to read it: ls -l {path}")
    return path
