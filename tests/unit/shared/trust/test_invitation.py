import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltest.shared.errors import InvitationInvalidError, MltestError
from mltest.shared.trust.device_id import public_key_of
from mltest.shared.trust.identity import identity_from_pem, made_here
from mltest.shared.trust.invitation import Invitation, decode_invitation, encode_invitation, invitation_id, new_secret
from mltest.shared.trust.proof import is_proof, new_nonce, proof_of

IDENTITY = identity_from_pem(made_here())
SECRET = new_secret()
INVITATION = Invitation(certificate_der=IDENTITY.certificate_der, secret=SECRET)
TEXT = encode_invitation(INVITATION)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_an_invitation_is_one_word_that_can_be_pasted() -> None:
    assert TEXT.startswith("mltest1-")
    assert TEXT.isascii()
    assert len(TEXT.split()) == 1
    assert len(TEXT) < 800
    assert decode_invitation(TEXT) == INVITATION


def test_line_breaks_of_a_terminal_do_not_matter() -> None:
    wrapped = "\r\n  ".join(TEXT[at : at + 80] for at in range(0, len(TEXT), 80))
    assert decode_invitation(f"\n{wrapped}\n") == INVITATION


@given(st.integers(8, len(TEXT) - 1), st.sampled_from(ALPHABET))
@pytest.mark.promise(4)
def test_a_character_that_was_changed_is_noticed(at: int, char: str) -> None:
    changed = TEXT[:at] + char + TEXT[at + 1 :]
    if changed == TEXT or decoded(changed) == decoded(TEXT):
        return
    with pytest.raises(InvitationInvalidError):
        decode_invitation(changed)


@given(st.integers(0, len(TEXT) - 1))
@pytest.mark.promise(4)
def test_an_invitation_that_was_cut_off_is_noticed(length: int) -> None:
    with pytest.raises(InvitationInvalidError):
        decode_invitation(TEXT[:length])


@given(st.text(max_size=200))
@pytest.mark.promise(48, 9)
def test_any_text_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvitationInvalidError) as refused:
        decode_invitation("mltest1-" + text)
    assert len(refused.value.message) < 150


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("hello", "does not begin with mltest1-"),
        (TEXT[:-1], "cut off"),
        (TEXT * 10, "more than 4096"),
        ("mltest1-", "cut off"),
    ],
)
def test_what_is_wrong_is_named(text: str, reason: str) -> None:
    with pytest.raises(InvitationInvalidError, match=reason):
        decode_invitation(text)


@pytest.mark.promise(9)
def test_no_error_shows_the_secret() -> None:
    try:
        decode_invitation(TEXT[:-1])
    except MltestError as error:
        assert TEXT[20:40] not in f"{error.message} {error.facts}"


def test_the_name_of_an_invitation_does_not_tell_its_secret() -> None:
    assert SECRET.hex()[:8] not in invitation_id(SECRET)
    assert invitation_id(SECRET) != invitation_id(new_secret())


def test_a_proof_holds_for_two_keys_and_one_question_only() -> None:
    agent, other = (
        public_key_of(IDENTITY.certificate_der),
        public_key_of(identity_from_pem(made_here()).certificate_der),
    )
    nonce = new_nonce()
    keys = {"agent_key": agent, "coordinator_key": other, "nonce": nonce}
    proof = proof_of(SECRET, **keys)
    assert is_proof(proof, SECRET, **keys)
    assert not is_proof(proof, new_secret(), **keys)
    assert not is_proof(proof, SECRET, **keys | {"agent_key": other})
    assert not is_proof(proof, SECRET, **keys | {"coordinator_key": agent})
    assert not is_proof(proof, SECRET, **keys | {"nonce": new_nonce()})
    assert not is_proof(proof, SECRET, agent_key=other, coordinator_key=agent, nonce=nonce)
    assert not is_proof(b"", SECRET, **keys)


def decoded(text: str) -> bytes:
    body = text.removeprefix("mltest1-")
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
