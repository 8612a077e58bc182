"""Scenarios by the names that MLPerf gave them, and the tests that each of them asks for."""

from collections.abc import Sequence
from dataclasses import replace

from mltest.coordinator.planning.plan import TestChoice
from mltest.coordinator.tests.latency import Latency
from mltest.coordinator.tests.offline import Offline
from mltest.coordinator.tests.open_loop import OpenLoop
from mltest.coordinator.tests.registry import Test, choice_of, class_of, make_test, nearest
from mltest.shared.errors import PlanInvalidError

SINGLE_STREAM, OFFLINE, OPEN_LOOP = NAMES = ("single-stream", "offline", "open-loop")


def with_scenarios(tests: Sequence[TestChoice], scenarios: Sequence[str]) -> tuple[TestChoice, ...]:
    """Return `tests` and what `scenarios` (single-stream, offline, open-loop:RATE[,RATE...]) take besides.

    Raises:
        PlanInvalidError: there is no such scenario, or its rates are not numbers above 0.

    """
    found = tuple(tests)
    for text in scenarios:
        found = _with_scenario(found, text)
    return found


def _with_scenario(tests: tuple[TestChoice, ...], text: str) -> tuple[TestChoice, ...]:
    name, colon, details = text.strip().partition(":")
    if name not in NAMES:
        raise PlanInvalidError(detail=f"there is no scenario {name!r}; {nearest(name, NAMES)}")
    if name == OPEN_LOOP:
        return _extended(tests, OpenLoop, "rates_per_s", _rates(text, details))
    if colon:
        raise PlanInvalidError(detail=f"scenario {text!r}: {name} takes nothing behind a colon")
    if name == SINGLE_STREAM:
        return _extended(tests, Latency, "batch_sizes", (1,))
    return tests if any(class_of(test) is Offline for test in tests) else (*tests, choice_of(Offline))


def _extended(
    tests: tuple[TestChoice, ...], test_class: type[Test], parameter: str, values: tuple[float, ...]
) -> tuple[TestChoice, ...]:
    """Return `tests` with a test of that class whose list of `parameter` holds `values`."""
    position = next((index for index, test in enumerate(tests) if class_of(test) is test_class), None)
    if position is None:
        added = choice_of(test_class, {parameter: tuple(dict.fromkeys(values))})
        make_test(added)
        return (*tests, added)
    test = tests[position]
    held = getattr(make_test(test), parameter)
    if set(values) <= set(held):
        return tests
    changed = replace(test, params={**test.params, parameter: tuple(sorted({*held, *values}))})
    make_test(changed)
    return (*tests[:position], changed, *tests[position + 1 :])


def _rates(text: str, details: str) -> tuple[float, ...]:
    try:
        rates = tuple(float(rate) for rate in details.split(","))
    except ValueError as error:
        detail = f"scenario {text!r} needs rates per second, like open-loop:80 or open-loop:10,100"
        raise PlanInvalidError(detail=detail) from error
    return rates
