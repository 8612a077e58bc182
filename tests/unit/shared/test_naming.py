import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltest.shared.naming import (
    MAX_NAME_CHARS,
    MAX_TXT_BYTES,
    Advertisement,
    advertisement_from_txt,
    advertisement_to_txt,
    clean_text,
    instance_name,
    is_name,
)

AGENT_ID = "abcdefghijklmnopqrstuvwxyz234567" + "a" * 20
OLD_AGENT_ID = "0123456789abcdef" * 2
FULL = Advertisement(
    agent_id=AGENT_ID,
    name="ü" * (MAX_NAME_CHARS // 2),
    protocol_version=12,
    port=65_535,
    digest="f" * 64,
    security="tls",
)
RECORD: dict[bytes, bytes | None] = {key.encode(): value.encode() for key, value in advertisement_to_txt(FULL).items()}


def test_an_advertisement_survives_the_network() -> None:
    assert advertisement_from_txt(RECORD) == FULL


def test_the_longest_record_fits() -> None:
    assert is_name(FULL.name)
    assert sum(len(key) + len(value or b"") + 2 for key, value in RECORD.items()) <= MAX_TXT_BYTES


def test_keys_of_later_versions_are_ignored() -> None:
    assert advertisement_from_txt(RECORD | {b"later": b"1", b"flag": None}) == FULL


@pytest.mark.parametrize(("key", "value"), [("id", OLD_AGENT_ID), ("sec", "none"), ("sec", "loopback")])
def test_records_of_earlier_versions_are_read(key: str, value: str) -> None:
    found = advertisement_from_txt(RECORD | {key.encode(): value.encode()})
    assert value in (found.agent_id, found.security)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"id", b"short"),
        (b"id", AGENT_ID.upper().encode()),
        (b"id", None),
        (b"v", b"0"),
        (b"v", "²".encode()),
        (b"v", b"99999999999999999999"),
        (b"port", b"65536"),
        (b"port", b"-1"),
        (b"digest", b"xyz"),
        (b"sec", b"strong"),
        (b"more", b"x" * 1000),
    ],
)
@pytest.mark.promise(48)
def test_a_record_that_is_not_what_it_should_be_is_refused(key: bytes, value: bytes | None) -> None:
    with pytest.raises(ValueError, match="TXT record"):
        advertisement_from_txt(RECORD | {key: value})


def test_a_name_from_the_network_cannot_control_a_terminal() -> None:
    found = advertisement_from_txt(RECORD | {b"name": b"\x1b[31mlab\n\x00-1"})
    assert found.name == "[31mlab-1"


def test_an_agent_without_a_usable_name_gets_one() -> None:
    assert advertisement_from_txt(RECORD | {b"name": b"\xff\n"}).name


@given(st.dictionaries(st.binary(max_size=10), st.none() | st.binary(max_size=300)))
@pytest.mark.promise(48)
def test_any_record_is_refused_or_understood(record: dict[bytes, bytes | None]) -> None:
    try:
        found = advertisement_from_txt(RECORD | record)
    except ValueError:
        return
    assert found.name.isprintable()
    assert 0 < len(found.name) <= MAX_NAME_CHARS
    assert 0 < found.port <= 65_535


@given(st.text(), st.integers(0, 20))
def test_clean_text_is_short_and_printable(text: str, max_chars: int) -> None:
    cleaned = clean_text(text, max_chars)
    assert len(cleaned) <= max_chars
    assert cleaned.isprintable()


@pytest.mark.parametrize(("text", "expected"), [("lab-1", True), ("ü b", True), ("", False), ("a/b", False)])
def test_names(text: str, expected: bool) -> None:
    assert is_name(text) is expected


@pytest.mark.parametrize("text", ["..", ".", " a", "a\n", "x" * 65, "ü" * 33, "\ud800"])
def test_what_cannot_be_a_name(text: str) -> None:
    assert not is_name(text)


def test_an_instance_is_named_by_its_identity() -> None:
    assert instance_name(AGENT_ID) == f"{AGENT_ID}._mltest._tcp.local."
