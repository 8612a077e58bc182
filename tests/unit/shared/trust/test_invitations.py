from pathlib import Path

import pytest

from mltest.shared.errors import InvitationExpiredError, InvitationRefusedError, InvitationUsedUpError
from mltest.shared.trust.invitation import invitation_id
from mltest.shared.trust.invitations import Invitations


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def everything_in(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.promise(4)
def test_an_invitation_counts_as_often_as_it_says(tmp_path: Path) -> None:
    given = Invitations(tmp_path)
    secret = given.give(uses=2, ttl_s=60.0)
    for _ in range(2):
        assert given.secret(invitation_id(secret), agent="lab") == secret
        given.use(invitation_id(secret), agent="lab")
    with pytest.raises(InvitationUsedUpError):
        given.secret(invitation_id(secret), agent="lab")
    with pytest.raises(InvitationUsedUpError):
        given.use(invitation_id(secret), agent="lab")
    assert secret.hex() not in everything_in(tmp_path)


@pytest.mark.promise(4)
def test_an_invitation_ends_with_its_time(tmp_path: Path) -> None:
    clock = Clock()
    given = Invitations(tmp_path, clock)
    secret = given.give(uses=5, ttl_s=60.0)
    clock.now_s += 59.0
    given.use(invitation_id(secret), agent="lab")
    clock.now_s += 1.0
    with pytest.raises(InvitationExpiredError):
        given.secret(invitation_id(secret), agent="lab")
    assert secret.hex() not in everything_in(tmp_path)


def test_secrets_of_expired_invitations_are_erased_when_the_next_is_given(tmp_path: Path) -> None:
    clock = Clock()
    given = Invitations(tmp_path, clock)
    secret = given.give(uses=5, ttl_s=60.0)
    assert secret.hex() in everything_in(tmp_path)
    clock.now_s += 61.0
    given.give(uses=1, ttl_s=60.0)
    assert secret.hex() not in everything_in(tmp_path)
    with pytest.raises(InvitationExpiredError):
        given.secret(invitation_id(secret), agent="lab")


def test_an_invitation_for_one_agent_is_refused_to_another(tmp_path: Path) -> None:
    given = Invitations(tmp_path)
    secret = given.give(uses=5, ttl_s=60.0, name="lab-1")
    with pytest.raises(InvitationRefusedError, match="lab-1"):
        given.secret(invitation_id(secret), agent="lab-2")
    assert given.secret(invitation_id(secret), agent="lab-1") == secret


@pytest.mark.parametrize("wanted", ["", "../../etc/passwd", "0" * 16, "ä\0"])
def test_what_was_never_given_out_is_refused(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(InvitationRefusedError, match="did not give it out"):
        Invitations(tmp_path).secret(wanted, agent="lab")


def test_two_processes_share_the_count(tmp_path: Path) -> None:
    secret = Invitations(tmp_path).give(uses=2, ttl_s=60.0)
    Invitations(tmp_path).use(invitation_id(secret), agent="a")
    Invitations(tmp_path).use(invitation_id(secret), agent="b")
    with pytest.raises(InvitationUsedUpError):
        Invitations(tmp_path).use(invitation_id(secret), agent="c")
