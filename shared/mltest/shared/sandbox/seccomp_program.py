"""Rules as a program of the kernel's packet filter. Pure.

Source: include/uapi/linux/filter.h, include/uapi/linux/seccomp.h, seccomp(2).
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from errno import EPERM

from mltest.shared.sandbox.seccomp_rules import Rule

_LOAD, _AND, _JUMP, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x06
_ALLOW, _FAIL_WITH = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _ARGUMENT_BYTES = 0, 4, 16, 8
"""Offsets in struct seccomp_data; the lower half of an argument comes first on the architectures known here."""
_X32_BIT = 0x40000000
"""Calls of another interface of x86-64; the numbers of aarch64 never get so far."""

Instruction = tuple[int, int, int, int]
"""Code, how many to pass over if true and if false, value."""


def program(rules: Sequence[Rule], numbers: Mapping[str, int], audit_arch: int) -> bytes:
    """Return the filter that denies what `rules` say and allows everything else.

    Args:
        rules: one call may have several; those that the architecture does not have are left out.
        numbers: of the calls on this architecture.
        audit_arch: the architecture; calls of any other one are denied.

    """
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_IF_EQUAL, 1, 0, audit_arch),
        (_RETURN, 0, 0, _FAIL_WITH | EPERM),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_IF_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _FAIL_WITH | EPERM),
    ]
    for rule in rules:
        if rule.call in numbers:
            instructions += _checked(rule, numbers[rule.call])
    instructions.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)


def _checked(rule: Rule, number: int) -> list[Instruction]:
    body = list(_body(rule))
    return [(_JUMP_IF_EQUAL, 0, len(body), number), *body]


def _body(rule: Rule) -> Iterator[Instruction]:
    """Yield what is done for this call: return its error, or go on with the call's number loaded again."""
    if rule.argument is None:
        yield (_RETURN, 0, 0, _FAIL_WITH | rule.errno)
        return
    yield (_LOAD, 0, 0, _FIRST_ARGUMENT + _ARGUMENT_BYTES * rule.argument)
    yield (_AND, 0, 0, rule.mask)
    passed_over = 1 if rule.allows else 0
    for left, value in zip(range(len(rule.values), 0, -1), rule.values, strict=True):
        yield (_JUMP_IF_EQUAL, left + passed_over, 0, value)
    yield (_JUMP, 0, 0, 1 - passed_over)
    yield (_RETURN, 0, 0, _FAIL_WITH | rule.errno)
    yield (_LOAD, 0, 0, _NUMBER)
