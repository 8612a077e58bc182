"""Maps domain values to protobuf messages and back, by field name.

A domain class and its message have the same name and the same fields; `tests/unit/shared/test_codec.py` holds them
together. `None` is an unset `optional` field, a tuple a repeated field, a union of classes a `oneof`; enum members
correspond by name, and a number that this version does not know becomes UNSPECIFIED.
"""

import re
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from google.protobuf.message import Message

MessageT = TypeVar("MessageT", bound=Message)
DomainT = TypeVar("DomainT")

_Field = Any
"""A field's descriptor; its class differs between the implementations of protobuf."""


def to_proto(value: object, message_type: type[MessageT]) -> MessageT:
    """Return `value`, a domain dataclass, as a message of `message_type`."""
    message = message_type()
    _fill(message, value)
    return message


def from_proto(message: Message, domain_type: type[DomainT]) -> DomainT:
    """Return `message` as a value of the dataclass `domain_type`."""
    descriptor = message.DESCRIPTOR
    values: dict[str, object] = {}
    for name, hint in _hints(typing.cast("Hashable", domain_type)).items():
        if name in descriptor.oneofs_by_name:
            values[name] = _variant(message, name, hint)
        else:
            values[name] = _decoded(message, descriptor.fields_by_name[name], hint)
    return domain_type(**values)


def _fill(message: Message, value: object) -> None:
    for item in fields(value):  # type: ignore[arg-type]  # any dataclass instance
        content = getattr(value, item.name)
        if content is None:
            continue
        if item.name in message.DESCRIPTOR.oneofs_by_name:
            target = _field_of_type(message, item.name, type(content).__name__)
            _fill_message(getattr(message, target), content)
        else:
            _set(message, message.DESCRIPTOR.fields_by_name[item.name], content)


def _fill_message(message: Message, content: object) -> None:
    message.SetInParent()
    _fill(message, content)


def _set(message: Message, field: _Field, content: Any) -> None:
    if isinstance(content, Mapping):
        getattr(message, field.name).update(content)
    elif isinstance(content, tuple):
        repeated = getattr(message, field.name)
        if field.message_type is not None:
            for element in content:
                _fill(repeated.add(), element)
        else:
            repeated.extend(_number(field, element) if isinstance(element, Enum) else element for element in content)
    elif is_dataclass(content):
        _fill_message(getattr(message, field.name), content)
    else:
        setattr(message, field.name, _number(field, content) if isinstance(content, Enum) else content)


def _decoded(message: Message, field: _Field, hint: Any) -> object:
    hint, is_optional = _without_none(hint)
    if is_optional and not message.HasField(field.name):
        return None
    content = getattr(message, field.name)
    origin = typing.get_origin(hint)
    if origin is tuple:
        (element, _) = typing.get_args(hint)
        return tuple(_element(field, value, element) for value in content)
    if origin is not None and issubclass(origin, Mapping):
        return dict(content)
    return _element(field, content, hint)


def _element(field: _Field, content: Any, hint: Any) -> object:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(field, content, hint)
    if is_dataclass(hint):
        return from_proto(content, typing.cast("type[object]", hint))
    return content


def _variant(message: Message, oneof: str, hint: Any) -> object:
    name = message.WhichOneof(oneof)
    if name is None:
        raise ValueError(f"{message.DESCRIPTOR.name}.{oneof} is empty or of a kind that this version does not know")
    content = getattr(message, name)
    for option in typing.get_args(hint):
        if option.__name__ == content.DESCRIPTOR.name:
            return from_proto(content, option)
    raise ValueError(f"{message.DESCRIPTOR.name}.{oneof} has no domain value for {name}")


def _field_of_type(message: Message, oneof: str, type_name: str) -> str:
    for field in message.DESCRIPTOR.oneofs_by_name[oneof].fields:
        if field.message_type is not None and field.message_type.name == type_name:
            return field.name
    raise ValueError(f"{message.DESCRIPTOR.name}.{oneof} has no {type_name}")


def _number(field: _Field, member: Enum) -> int:
    return int(field.enum_type.values_by_name[_prefix(field) + member.name].number)


def _member(field: _Field, number: int, enum: type[Enum]) -> Enum:
    known = field.enum_type.values_by_number.get(number)
    name = "UNSPECIFIED" if known is None else known.name.removeprefix(_prefix(field))
    return enum[name]


def _prefix(field: _Field) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field.enum_type.name).upper() + "_"


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if len(options) == 1:
            return options[0], True
    return hint, False


@cache
def _hints(domain_type: Any) -> dict[str, Any]:
    return typing.get_type_hints(domain_type)
