"""Processes of one user on one machine find each other in a folder that only this user can enter.

Each writes its certificate there for as long as it lives. What is in the folder counts on loopback connections only;
who uses it has to see to that (`mltest.shared.trust.book`).
"""

import fcntl
import itertools
import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mltest.shared.state import default_state_folder
from mltest.shared.trust.device_id import certificate_from_pem, device_id_of
from mltest.shared.trust.identity import Identity
from mltest.shared.trust.private_files import is_private_folder, signature_of

_LOG = logging.getLogger(__name__)

FOLDER_VARIABLE = "MLTEST_LOCAL_PEERS_DIR"
_SUFFIX = ".json"
_MAX_BYTES = 16 * 1024
_DEATH_NOTICED_S = 1.0
_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPeer:
    """A process of this user on this machine."""

    device_id: str
    certificate_pem: str
    address: str = ""
    """Where it serves, host:port on loopback; empty if it does not."""
    is_clear: bool = False
    """Whether it serves in the clear there (--insecure)."""


def local_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder: below the user's run-time directory if there is one, else below the user's state.

    A service with a state directory of its own shares it with nobody.
    """
    if named := environment.get(FOLDER_VARIABLE):
        return Path(named)
    if "STATE_DIRECTORY" in environment:
        return default_state_folder("", environment) / "local-peers"
    for run_time in (environment.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}"):
        if run_time and is_private_folder(Path(run_time)):
            return Path(run_time) / "mltest"
    return default_state_folder("local-peers", environment)


class LocalPeers:
    """The processes in `folder`; nobody if it is not safe."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or local_folder()
        self._signature: object = None
        self._checked_s = 0.0
        self._known: tuple[LocalPeer, ...] = ()

    def publish(self, identity: Identity, *, address: str = "", is_clear: bool = False) -> "Publication":
        """Let the other processes of this user know this one, until the publication is closed or the process ends."""
        peer = LocalPeer(
            device_id=identity.device_id,
            certificate_pem=identity.certificate_pem,
            address=address,
            is_clear=is_clear,
        )
        return Publication(self._folder, peer)

    def all(self) -> tuple[LocalPeer, ...]:
        """Return who is there."""
        signature, now_s = signature_of(self._folder), time.monotonic()
        if signature != self._signature or now_s > self._checked_s + _DEATH_NOTICED_S:
            self._known = tuple(self._read())
            self._signature, self._checked_s = signature_of(self._folder), now_s
        return self._known

    def find(self, device_id: str) -> LocalPeer | None:
        """Return the process with that key."""
        return next((peer for peer in self.all() if peer.device_id == device_id), None)

    def at(self, address: str) -> LocalPeer | None:
        """Return the process that serves at `address`."""
        return next((peer for peer in self.all() if address and peer.address == address), None)

    def _read(self) -> Iterator[LocalPeer]:
        if not _is_safe(self._folder):
            return
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if not path.name.startswith(".") and (peer := _read_living(path)) is not None:
                yield peer


class Publication:
    """One file in the folder; its lock ends with the process at the latest, and tells the others so."""

    def __init__(self, folder: Path, peer: LocalPeer) -> None:
        self._path: Path | None = None
        self._descriptor = -1
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_safe(folder):
            return
        name = f"{peer.device_id}.{os.getpid()}.{next(_numbers)}"
        try:
            self._write(folder / f".{name}.new", folder / (name + _SUFFIX), json.dumps(asdict(peer)))
        except OSError as error:
            _LOG.warning("local processes do not find each other: %s", error)

    def close(self) -> None:
        """Take the file away; doing it again changes nothing."""
        path, descriptor, self._path, self._descriptor = self._path, self._descriptor, None, -1
        if path is not None:
            path.unlink(missing_ok=True)
        if descriptor >= 0:
            os.close(descriptor)

    def _write(self, draft: Path, path: Path, text: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(draft, flags, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(self._descriptor, text.encode())
        draft.rename(path)
        self._path = path


def _is_safe(folder: Path) -> bool:
    if is_private_folder(folder):
        return True
    if folder.exists() or folder.is_symlink():
        _LOG.warning("%s is not used: it has to be a folder of this user, with mode 0700", folder)
    return False


def _read_living(path: Path) -> LocalPeer | None:
    """Return what a file says, if the process that wrote it lives; remove it otherwise."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _peer(stream.read(_MAX_BYTES))
        path.unlink(missing_ok=True)
        return None


def _peer(content: bytes) -> LocalPeer | None:
    try:
        peer = LocalPeer(**json.loads(content))
        is_true_to_its_key = device_id_of(certificate_from_pem(peer.certificate_pem)) == peer.device_id
    except (ValueError, TypeError):
        return None
    return peer if is_true_to_its_key else None
