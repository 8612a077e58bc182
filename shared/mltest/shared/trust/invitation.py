"""The one string that enrols an agent: the coordinator's certificate, a secret, and four bytes that notice a typo."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass

from mltest.shared.errors import InvitationInvalidError
from mltest.shared.trust.device_id import device_id_of

PREFIX = "mltest1-"
SECRET_BYTES = 16
MAX_CHARS = 4096
_CHECK_BYTES = 4
_ID_LABEL = b"mltest invitation\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What an agent has to know to be enrolled."""

    certificate_der: bytes
    """Of the coordinator: the only client that the secret is proved to."""
    secret: bytes


def new_secret() -> bytes:
    """Return a secret that nobody guesses."""
    return secrets.token_bytes(SECRET_BYTES)


def invitation_id(secret: bytes) -> str:
    """Return a name for an invitation that says nothing of its secret."""
    return hashlib.sha256(_ID_LABEL + secret).hexdigest()[:16]


def encode_invitation(invitation: Invitation) -> str:
    """Return the string that is pasted."""
    content = invitation.certificate_der + invitation.secret
    text = base64.urlsafe_b64encode(content + _check(content)).decode()
    return PREFIX + text.rstrip("=")


def decode_invitation(text: str) -> Invitation:
    """Return what a pasted string says; line breaks that a terminal put into it do not matter.

    Raises:
        InvitationInvalidError: it is cut off, mistyped, or something else; no part of it is repeated.

    """
    if len(text) > MAX_CHARS:
        raise InvitationInvalidError(detail=f"it has more than {MAX_CHARS} characters")
    joined = "".join(text.split())
    if not joined.startswith(PREFIX):
        raise InvitationInvalidError(detail=f"it does not begin with {PREFIX}" if joined else "it is empty")
    return _parted(_decoded(joined.removeprefix(PREFIX)))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvitationInvalidError(detail="it was cut off, or a character of it was changed") from error


def _parted(content: bytes) -> Invitation:
    content, check = content[:-_CHECK_BYTES], content[-_CHECK_BYTES:]
    if len(content) <= SECRET_BYTES or not secrets.compare_digest(check, _check(content)):
        raise InvitationInvalidError(detail="it was cut off, or a character of it was changed")
    certificate = content[:-SECRET_BYTES]
    try:
        device_id_of(certificate)
    except ValueError as error:
        raise InvitationInvalidError(detail=f"the certificate in it is not valid: {error}") from error
    return Invitation(certificate_der=certificate, secret=content[-SECRET_BYTES:])


def _check(content: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + content).digest()[:_CHECK_BYTES]
