"""Plans as TOML text: read with every mistake named, and written."""

import tomllib
from collections.abc import Mapping, Sequence

from mltest.coordinator.builder.transform_sizes import sized_name
from mltest.coordinator.planning.figure_names import checked_metric, checked_statistic, natural
from mltest.coordinator.planning.plan import Bound, Objective, Plan, TestChoice
from mltest.coordinator.planning.plan_keys import LIMIT_KEYS, OBJECTIVE_KEYS, PLAN_SECTIONS, TEST_KEYS, PlanKey
from mltest.coordinator.planning.screening import check_screen
from mltest.coordinator.tests.chosen import checked_names
from mltest.coordinator.tests.footprint import merged_memory_spec
from mltest.coordinator.tests.open_loop import merged_open_loop_spec
from mltest.coordinator.tests.registry import make_test, nearest, sample_tests
from mltest.coordinator.tests.scenarios import with_scenarios
from mltest.coordinator.tests.tolerance import with_tolerance
from mltest.shared.errors import PlanInvalidError

_SECTIONS = (*PLAN_SECTIONS, "objective", "limits", "tests")

MAX_PLAN_CHARS = 65_536
"""Of a plan; the longest that this software writes has a tenth of that."""

_MAX_DOTS = 256
"""Between two equals signs of one line."""

Table = Mapping[str, object]


def parse_plan(toml_text: str) -> Plan:
    """Return the plan that `toml_text` holds; what it leaves out has its default.

    Raises:
        PlanInvalidError: with the place of the mistake, and the nearest valid name where a name is the mistake.

    """
    _check_size(toml_text)
    try:
        content = tomllib.loads(toml_text)
    except RecursionError as error:
        raise PlanInvalidError(detail="it is nested too deeply") from error
    except ValueError as error:  # also a number of more digits than Python reads
        raise PlanInvalidError(detail=f"it is not TOML: {error}") from error
    _check_names(content, _SECTIONS, where="")
    fields: dict[str, object] = {}
    for section, keys in PLAN_SECTIONS.items():
        fields |= _values(_table(content.get(section, {}), section), keys, section)
    fields["objective"] = _objective(_table(content.get("objective", {}), "objective"))
    fields["bounds"] = tuple(_bound(table, where) for table, where in _tables(content, "limits"))
    fields["tests"] = tuple(_test(table, where) for table, where in _tables(content, "tests"))
    plan = Plan(**fields)  # type: ignore[arg-type]  # each value was checked against its key
    check_screen(plan)
    for text in plan.transforms:
        sized_name(text)
    checked_names(plan.test_names)
    merged_memory_spec(sample_tests(plan.tests))
    merged_open_loop_spec(sample_tests(with_tolerance(with_scenarios(plan.tests, plan.scenarios), plan)))
    return plan


def _check_size(toml_text: str) -> None:
    """Refuse what would keep the parser busy for minutes: it takes time that grows with the square of a key's parts."""
    if len(toml_text) > MAX_PLAN_CHARS:
        raise PlanInvalidError(detail=f"it has more than {MAX_PLAN_CHARS} characters")
    for number, line in enumerate(toml_text.splitlines(), start=1):
        if any(part.count(".") > _MAX_DOTS for part in line.split("=")):
            raise PlanInvalidError(detail=f"line {number} has a name of too many parts")


def _objective(table: Table) -> Objective:
    values = _values(table, OBJECTIVE_KEYS, "objective")
    figure = _figure(values or {"metric": Objective().metric}, "objective")
    return Objective(**figure)  # type: ignore[arg-type]  # checked against their keys


def _bound(table: Table, where: str) -> Bound:
    values = _values(table, LIMIT_KEYS, where)
    limits = {name: values.pop(name) for name in ("at_least", "at_most") if name in values}
    if not limits:
        raise PlanInvalidError(detail=f"{where} needs at_least or at_most")
    return Bound(**_figure(values, where), **limits)  # type: ignore[arg-type]  # checked against their keys


def _figure(values: Mapping[str, object], where: str) -> dict[str, object]:
    if "metric" not in values:
        raise PlanInvalidError(detail=f"{where} needs a metric")
    metric = checked_metric(str(values["metric"]), where=f"{where}.metric")
    statistic, batch_size = natural(metric)
    return {
        "metric": metric,
        "statistic": checked_statistic(str(values.get("statistic", statistic)), where=f"{where}.statistic"),
        "batch_size": values.get("batch_size", batch_size),
    }


def _test(table: Table, where: str) -> TestChoice:
    _check_names(table, TEST_KEYS, where)
    for name in ("module", "class"):
        if not isinstance(table.get(name), str):
            raise PlanInvalidError(detail=f"{where}.{name} has to be a text: the tests are listed by 'plan'")
    params = _table(table.get("params", {}), f"{where}.params")
    choice = TestChoice(module=str(table["module"]), class_name=str(table["class"]), params=params)
    try:
        make_test(choice)
    except PlanInvalidError as error:
        raise PlanInvalidError(detail=f"{where}: {error.facts.get('detail')}") from error
    return choice


def _values(table: Table, keys: Sequence[PlanKey], where: str) -> dict[str, object]:
    _check_names(table, [key.name for key in keys], where)
    return {key.field: _value(table[key.name], key, f"{where}.{key.name}") for key in keys if key.name in table}


def _value(value: object, key: PlanKey, where: str) -> object:
    if key.is_list and isinstance(value, list):
        return tuple(_scalar(element, key, where) for element in value)
    if key.is_list:
        raise PlanInvalidError(detail=f"{where} has to be {key.expected}, not {value!r}")
    return _scalar(value, key, where)


def _scalar(value: object, key: PlanKey, where: str) -> object:
    accepted = (int, float) if key.kind is float else (key.kind,)
    is_fitting = isinstance(value, accepted) and not isinstance(value, bool)
    if key.choices and value not in key.choices:
        raise PlanInvalidError(detail=f"{where} has to be {key.expected}; {nearest(str(value), key.choices)}")
    if not is_fitting or (key.minimum is not None and not value >= key.minimum):  # type: ignore[operator]  # a number
        raise PlanInvalidError(detail=f"{where} has to be {key.expected}, not {value!r}")
    return float(value) if key.kind is float else value  # type: ignore[arg-type]  # a number, by the check


def _tables(content: Table, section: str) -> list[tuple[Table, str]]:
    listed = content.get(section, [])
    if not isinstance(listed, list):
        raise PlanInvalidError(detail=f"{section} has to be a list of tables: write [[{section}]]")
    return [(_table(item, f"{section}[{index}]"), f"{section}[{index}]") for index, item in enumerate(listed)]


def _table(value: object, where: str) -> Table:
    if not isinstance(value, dict):
        raise PlanInvalidError(detail=f"{where} has to be a table: write [{where}], not {value!r}")
    return value


def _check_names(table: Table, valid: Sequence[str], where: str) -> None:
    for name in table:
        if name not in valid:
            path = f"{where}.{name}" if where else name
            raise PlanInvalidError(detail=f"unknown key {path!r}; {nearest(name, valid)}")
