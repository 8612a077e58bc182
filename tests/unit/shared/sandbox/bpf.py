"""A small machine that runs filters as the kernel does, for tests of what they decide."""

import struct

ALLOWED = 0x7FFF0000
_FAILS = 0x00050000


def decision(program: bytes, arch: int, number: int, *arguments: int) -> int | None:
    """Return the error number with which a call fails; None if it is allowed."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, arch, 0, *(argument & (2**64 - 1) for argument in padded))
    code = list(struct.iter_unpack("HBBI", program))
    accumulator, at = 0, 0
    while True:
        operation, if_true, if_false, value = code[at]
        at += 1
        match operation:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x54:
                accumulator &= value
            case 0x05:
                at += value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x06:
                return None if value == ALLOWED else value & ~_FAILS
            case _:
                raise AssertionError(f"operation {operation:#x}")
