"""Arbitrary domain values: every field of every class, within what its message can hold."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

from mltest.shared import domain
from mltest.v1 import agent_pb2, comparison_pb2, coordinator_service_pb2, job_pb2, visit_pb2

_MODULES = (visit_pb2, job_pb2, agent_pb2, comparison_pb2, coordinator_service_pb2)
_OTHER_NAMES = {"JobResults": "GetResultsResponse"}
_MAX_INT = {FieldDescriptor.CPPTYPE_UINT32: 2**32 - 1, FieldDescriptor.CPPTYPE_UINT64: 2**64 - 1}

CLASSES: tuple[type, ...] = tuple(
    found for name in domain.__all__ if isinstance(found := getattr(domain, name), type) and is_dataclass(found)
)
ENUMS: tuple[type[Enum], ...] = tuple(
    found for name in domain.__all__ if isinstance(found := getattr(domain, name), type) and issubclass(found, Enum)
)


def message_of(domain_class: type) -> type[Message]:
    """Return the message that belongs to `domain_class`."""
    name = _OTHER_NAMES.get(domain_class.__name__, domain_class.__name__)
    for module in _MODULES:
        if found := getattr(module, name, None):
            return typing.cast("type[Message]", found)
    raise LookupError(name)


def values_of(domain_class: type) -> st.SearchStrategy[Any]:
    """Return arbitrary values of `domain_class`."""
    hints = typing.get_type_hints(domain_class)
    descriptor = message_of(domain_class).DESCRIPTOR
    return st.builds(
        domain_class, **{item.name: _values(hints[item.name], descriptor, item.name) for item in fields(domain_class)}
    )


def _values(hint: Any, message: Any, name: str) -> st.SearchStrategy[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        return st.one_of(*(st.none() if option is type(None) else _values(option, message, name) for option in options))
    if isinstance(hint, type) and is_dataclass(hint):
        return values_of(hint)
    if typing.get_origin(hint) is tuple:
        return st.lists(_values(typing.get_args(hint)[0], message, name), max_size=2).map(tuple)
    field = message.fields_by_name[name]
    if typing.get_origin(hint) is Mapping:
        value = field.message_type.fields_by_name["value"]
        return st.dictionaries(_text(), _scalars(typing.get_args(hint)[1], value), max_size=2)
    return _scalars(hint, field)


def _scalars(hint: Any, field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if hint is int:
        return st.integers(0, _MAX_INT[field.cpp_type])
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    return st.booleans() if hint is bool else _text()


def _text() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
