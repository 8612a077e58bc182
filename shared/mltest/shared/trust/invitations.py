"""The invitations that a coordinator has given out, and how often each may still be used."""

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mltest.shared.errors import InvitationExpiredError, InvitationRefusedError, InvitationUsedUpError
from mltest.shared.trust.identity import trust_folder
from mltest.shared.trust.invitation import invitation_id, new_secret
from mltest.shared.trust.private_files import private_folder, read_private, write_private

_LOCK_NAME = ".lock"
_SUFFIX = ".json"
_KEPT_S = 90 * 24 * 3600
"""How long it is remembered that an invitation is over, to name that reason; its secret is erased at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One invitation."""

    invitation_id: str
    secret_hex: str
    """Empty once it is over."""
    uses_left: int
    expires_unix_s: float
    name: str = ""
    """The only agent that may use it; empty: any."""


class Invitations:
    """Those of the coordinator with state directory `state`; several processes may use them at once."""

    def __init__(self, state: Path, clock_s: Callable[[], float] = time.time) -> None:
        self._state = state
        self._clock_s = clock_s

    def give(self, *, uses: int, ttl_s: float, name: str = "") -> bytes:
        """Return the secret of a new invitation."""
        secret = new_secret()
        given = Given(
            invitation_id=invitation_id(secret),
            secret_hex=secret.hex(),
            uses_left=uses,
            expires_unix_s=self._clock_s() + ttl_s,
            name=name,
        )
        with self._locked():
            self._tidy()
            self._write(given)
        return secret

    def secret(self, wanted_id: str, *, agent: str) -> bytes:
        """Return the secret of an invitation that `agent` may use now.

        Raises:
            InvitationRefusedError: there is none, or it is for somebody else.
            InvitationExpiredError: its time is over.
            InvitationUsedUpError: it was used as often as it may be.

        """
        with self._locked():
            return bytes.fromhex(self._usable(wanted_id, agent).secret_hex)

    def use(self, wanted_id: str, *, agent: str) -> None:
        """Count one use; the errors are those of `secret`."""
        with self._locked():
            given = self._usable(wanted_id, agent)
            left = given.uses_left - 1
            self._write(replace(given, uses_left=left, secret_hex=given.secret_hex if left else ""))

    def _usable(self, wanted_id: str, agent: str) -> Given:
        given = next((one for one in self._all() if one.invitation_id == wanted_id), None)
        if given is None:
            raise InvitationRefusedError(agent=agent, detail="this coordinator did not give it out")
        if given.uses_left <= 0:
            raise InvitationUsedUpError(agent=agent)
        if self._clock_s() >= given.expires_unix_s:
            self._write(replace(given, secret_hex=""))
            raise InvitationExpiredError(agent=agent)
        if given.name not in ("", agent):
            raise InvitationRefusedError(agent=agent, detail=f"it was given out for an agent named {given.name}")
        return given

    def _all(self) -> Iterator[Given]:
        for path in self._folder().glob(f"*{_SUFFIX}"):
            if not path.name.startswith("."):
                yield Given(**json.loads(read_private(path) or "{}"))

    def _tidy(self) -> None:
        """Erase the secrets of what is over, and forget what was over long ago."""
        now_s = self._clock_s()
        for given in list(self._all()):
            if now_s >= given.expires_unix_s + _KEPT_S:
                (self._folder() / (given.invitation_id + _SUFFIX)).unlink(missing_ok=True)
            elif now_s >= given.expires_unix_s and given.secret_hex:
                self._write(replace(given, secret_hex=""))

    def _write(self, given: Given) -> None:
        write_private(self._folder() / (given.invitation_id + _SUFFIX), json.dumps(asdict(given), indent=1) + "\n")

    def _folder(self) -> Path:
        return private_folder(trust_folder(self._state) / "invitations")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder() / _LOCK_NAME).open("a") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield
