"""Whatever bytes come, parsers answer with a value or a documented error; `make fuzz` tries many more."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

pytestmark = pytest.mark.promise(48)

DEEP = 30_000


def damaged(seed: bytes, chance: random.Random) -> bytes:
    """Return `seed` with a few bytes changed, removed, repeated or inserted."""
    content = bytearray(seed)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(content) + 1)
        match chance.randrange(4):
            case 0:
                content[place:place] = chance.randbytes(chance.randrange(1, 5))
            case 1:
                del content[place : place + chance.randrange(1, 9)]
            case 2:
                content[place : place + 1] = chance.choice((b"\x00", b"\xff", b"\x7f", b"\x80"))
            case _:
                content[place:place] = content[: chance.randrange(1, 9)]
    return bytes(content)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=200)
@given(content=st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_or_understood(target: str, content: bytes) -> None:
    TARGETS[target](content)


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=200)
@given(number=st.integers(0, 2**32))
def test_what_was_damaged_a_little_is_refused_or_understood(target: str, number: int) -> None:
    chance = random.Random(number)
    TARGETS[target](damaged(chance.choice(SEEDS[target]), chance))


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_well_made_is_understood(target: str) -> None:
    for seed in SEEDS[target]:
        TARGETS[target](seed)


@pytest.mark.parametrize(
    ("target", "content"),
    [
        ("plan", b"a = " + b"[" * DEEP),
        ("plan", b"a." * DEEP + b"b = 1"),
        ("plan", b"[job]\nrounds = " + b"9" * 5000),
        ("frames", b"[" * DEEP),
        ("frames", b'{"a":' * DEEP),
        ("frames", b'{"a":' + b"9" * 5000 + b"}"),
        ("packed_values", b"\x00" + b"\xff" * 8 + b"\x7f"),
        ("packed_values", b"\x01" + b"\xff" * 4 + b"\x7f\x00"),
        ("packed_values", b"\x00" + b"\x80" * DEEP),
        ("messages", b"\x05" + b"\x12\xff\xff\xff\xff\x0f"),
        ("txt_record", b"\xff"),
        ("txt_record", b"\x00" * 1000),
        ("invitation", b"mltest1-" + b"A" * DEEP),
        ("invitation", "mltest1-é".encode()),
    ],
)
def test_what_would_exhaust_a_parser_is_refused(target: str, content: bytes) -> None:
    TARGETS[target](content)
