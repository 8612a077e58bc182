"""Domain values as JSON: for the store, for `--json`, for child processes."""

import json
from collections.abc import Callable
from functools import cache, partial
from operator import eq
from typing import Any, TypeVar

import cattrs
from cattrs.strategies import configure_tagged_union

from mltest.shared.domain import JobEventBody, VisitEventBody

DomainT = TypeVar("DomainT")


def to_jsonable(value: object) -> Any:
    """Return `value`, a domain value or a container of such, as what `json.dumps` takes."""
    return _CONVERTER.unstructure(value)


def from_jsonable(content: Any, domain_type: type[DomainT]) -> DomainT:
    """Return `content`, as read from JSON, as a `domain_type`.

    Raises:
        cattrs.BaseValidationError: it does not have that shape.

    """
    return _CONVERTER.structure(content, domain_type)


def to_json(value: object) -> str:
    """Return `value` as one line of JSON with sorted keys."""
    return json.dumps(to_jsonable(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def from_json(text: str | bytes, domain_type: type[DomainT]) -> DomainT:
    """Return the `domain_type` that `text` holds."""
    return from_jsonable(json.loads(text), domain_type)


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    for union in (JobEventBody, VisitEventBody):
        # What makes the hooks of a union makes those of all of its members: only where they are needed.
        converter.register_structure_hook_factory(partial(eq, union), lambda union: _tagged(union)[0])
        converter.register_unstructure_hook_factory(partial(eq, union), lambda union: _tagged(union)[1])
    return converter


@cache
def _tagged(union: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return what reads and what writes a value of `union`, with the name of its class as "kind"."""
    converter = cattrs.Converter()
    configure_tagged_union(union, converter, tag_name="kind")
    return converter.get_structure_hook(union), converter.get_unstructure_hook(union)


_CONVERTER = _converter()
