"""Who this process is: one key for each state directory, and for a while the key that it had before."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mltest.shared.trust.device_id import certificate_from_pem, device_id_of
from mltest.shared.trust.private_files import private_folder, read_private, remove_private, write_private

OVERLAP_S = 7 * 24 * 3600
"""How long a key that was replaced still counts."""

IDENTITY_NAME = "identity.pem"
_PREVIOUS_NAME = "previous-identity.pem"
_PREVIOUS_END_NAME = "previous-identity.until"
_MACHINE_NAME = "machine"
_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A key with its certificate."""

    device_id: str
    key_pem: str
    certificate_pem: str

    @property
    def certificate_der(self) -> bytes:
        """The certificate as others pin it."""
        return certificate_from_pem(self.certificate_pem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of one state directory."""

    current: Identity
    previous: Identity | None = None
    """The key before the last `rotate_key`, while it counts."""

    @property
    def all(self) -> tuple[Identity, ...]:
        """The current one first."""
        return (self.current,) if self.previous is None else (self.current, self.previous)


def trust_folder(state: Path) -> Path:
    """Return where a state directory keeps its key and its pins; it is made if it is missing."""
    private_folder(state)
    return private_folder(state / "trust")


def identity_from_pem(text: str) -> Identity:
    """Return the identity in a file of a key followed by its certificate.

    Raises:
        ValueError: it holds something else.

    """
    key, marker, certificate = text.partition("-----BEGIN CERTIFICATE-----")
    if "PRIVATE KEY-----" not in key or not marker:
        raise ValueError("this is not a key with its certificate")
    pem = marker + certificate
    return Identity(device_id=device_id_of(certificate_from_pem(pem)), key_pem=key, certificate_pem=pem)


def made_in_a_process() -> str:
    """Return a new identity as PEM; the library that makes it is never loaded here."""
    command = [sys.executable, "-m", "mltest.shared.trust.new_identity"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def made_here() -> str:
    """Return a new identity as PEM."""
    from mltest.shared.trust.new_identity import new_identity_pem

    return new_identity_pem()


def keys_in(
    state: Path, *, make: Callable[[], str] = made_in_a_process, clock_s: Callable[[], float] = time.time
) -> Keys:
    """Return the keys of the state directory `state`; the first is made at the first call."""
    folder = trust_folder(state)
    text = read_private(folder / IDENTITY_NAME)
    if text is None:
        text = make()
        write_private(folder / _MACHINE_NAME, machine_hash())
        write_private(folder / IDENTITY_NAME, text)
    return Keys(current=identity_from_pem(text), previous=_previous(folder, clock_s()))


def rotate_key(state: Path, *, make: Callable[[], str] = made_here, clock_s: Callable[[], float] = time.time) -> Keys:
    """Give the state directory a new key; the one that it had counts for `OVERLAP_S` more."""
    old = keys_in(state, make=make).current
    folder = trust_folder(state)
    write_private(folder / _PREVIOUS_END_NAME, f"{clock_s() + OVERLAP_S:.0f}\n")
    write_private(folder / _PREVIOUS_NAME, old.key_pem + old.certificate_pem)
    write_private(folder / IDENTITY_NAME, make())
    return keys_in(state, clock_s=clock_s)


def erase_identity(state: Path) -> None:
    """Forget every key; the next start makes a new one."""
    folder = trust_folder(state)
    for name in (IDENTITY_NAME, _PREVIOUS_NAME, _PREVIOUS_END_NAME, _MACHINE_NAME):
        remove_private(folder / name)


def is_copied(state: Path) -> bool:
    """Return whether the key was made on another machine: the state directory, or the whole disk, was copied."""
    made_on = read_private(trust_folder(state) / _MACHINE_NAME)
    return made_on is not None and "" not in (made_on, machine_hash()) and made_on != machine_hash()


def machine_hash(path: Path = _MACHINE_ID) -> str:
    """Return what tells this machine from a copy of its disk; empty where the system does not say.

    machine-id(5) asks not to show the identity itself.
    """
    try:
        return hashlib.sha256(b"mltest machine\0" + path.read_bytes().strip()).hexdigest()
    except OSError:
        return ""


def identity_signature(state: Path) -> tuple[int, int]:
    """Return what changes when the key of `state` is replaced."""
    try:
        found = (state / "trust" / IDENTITY_NAME).stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _previous(folder: Path, now_s: float) -> Identity | None:
    text, until = read_private(folder / _PREVIOUS_NAME), read_private(folder / _PREVIOUS_END_NAME)
    if text is None or until is None:
        return None
    if not until.strip().isdigit() or int(until) < now_s:
        remove_private(folder / _PREVIOUS_NAME)
        return None
    return identity_from_pem(text)
