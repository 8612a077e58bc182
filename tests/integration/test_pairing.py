"""From a pasted string to an enrolled agent, and everything that goes wrong on the way."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mltest.agent.joining import join
from mltest.agent.pairing_service import PairingService
from mltest.coordinator.fleet.agent_doors import AgentDoors
from mltest.coordinator.trust import invite
from mltest.shared.errors import (
    AgentNotEnrolledError,
    AgentUnreachableError,
    InvitationExpiredError,
    InvitationRefusedError,
    InvitationUsedUpError,
    KeyChangedError,
    MltestError,
)
from mltest.shared.status import next_step_of
from mltest.shared.trust.identity import keys_in
from mltest.shared.trust.local_peers import LocalPeers
from mltest.shared.trust.peers import AGENT, COORDINATOR, Peers
from mltest.v1.pairing_service_pb2 import ProveInvitationResponse
from tests.integration.trusting import Served, served_agent

pytestmark = [pytest.mark.xdist_group("trust"), pytest.mark.promise(2), pytest.mark.promise(3), pytest.mark.promise(4)]


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def doors_of(home: Path, clock: Clock | None = None) -> AgentDoors:
    """Return the doors of a coordinator that shares no user with anybody."""
    home.mkdir(exist_ok=True)
    local = LocalPeers(home / "local-peers")
    return AgentDoors(home, local=local, clock_s=clock) if clock else AgentDoors(home, local=local)


async def spoken_to(doors: AgentDoors, agent: Served, *, name: str = "", agent_id: str = "") -> None:
    """Reach an agent, and let it say something."""
    client = await doors.reach(agent.address, name=name, agent_id=agent_id)
    try:
        await client.current_key()
    finally:
        await client.close()


async def refused(doors: AgentDoors, agent: Served, *, name: str = "", agent_id: str = "") -> MltestError:
    with pytest.raises(MltestError) as error:
        await spoken_to(doors, agent, name=name, agent_id=agent_id)
    return error.value


def secrets_in(folder: Path, secret: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.hex() in path.read_text(errors="replace")]


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Served]:
    async with served_agent(tmp_path / "agent") as served:
        yield served


async def test_an_agent_is_enrolled_by_one_string(agent: Served, tmp_path: Path) -> None:
    home, doors = tmp_path / "home", doors_of(tmp_path / "home")
    before = await refused(doors, agent)
    assert isinstance(before, AgentNotEnrolledError)
    assert "mltest-agent join -" in next_step_of(before)

    join(agent.state, invite(home, uses=1, ttl_s=60.0))
    await spoken_to(doors, agent)
    (pin,) = Peers(home).of_role(AGENT)
    assert (pin.device_id, pin.name) == (agent.identity.device_id, "lab-1")
    (coordinator,) = Peers(agent.state).of_role(COORDINATOR)
    assert coordinator.device_id == keys_in(home).current.device_id
    assert coordinator.secret_hex == ""


async def test_the_secret_is_erased_on_both_sides_once_it_was_used(agent: Served, tmp_path: Path) -> None:
    home, doors = tmp_path / "home", doors_of(tmp_path / "home")
    text = invite(home, uses=1, ttl_s=60.0)
    join(agent.state, text)
    (pending,) = Peers(agent.state).all()
    secret = bytes.fromhex(pending.secret_hex)
    assert secrets_in(home, secret)
    assert secrets_in(agent.state, secret)
    await spoken_to(doors, agent)
    assert secrets_in(home, secret) == []
    assert secrets_in(agent.state, secret) == []


async def test_another_coordinator_is_refused_until_it_invites_too(agent: Served, tmp_path: Path) -> None:
    first, second = doors_of(tmp_path / "first"), doors_of(tmp_path / "second")
    join(agent.state, invite(tmp_path / "first", uses=1, ttl_s=60.0))
    await spoken_to(first, agent)
    assert isinstance(await refused(second, agent), AgentNotEnrolledError)
    join(agent.state, invite(tmp_path / "second", uses=1, ttl_s=60.0))
    await spoken_to(second, agent)
    await spoken_to(first, agent)


async def test_an_invitation_that_was_used_up_enrols_nobody_else(agent: Served, tmp_path: Path) -> None:
    doors = doors_of(tmp_path / "home")
    text = invite(tmp_path / "home", uses=1, ttl_s=60.0)
    join(agent.state, text)
    await spoken_to(doors, agent)
    async with served_agent(tmp_path / "other", name="lab-2") as other:
        join(other.state, text)
        error = await refused(doors, other)
    assert isinstance(error, InvitationUsedUpError)
    assert "mltest-coordinator invite" in next_step_of(error)


async def test_an_invitation_that_expired_enrols_nobody(agent: Served, tmp_path: Path) -> None:
    clock = Clock()
    doors = doors_of(tmp_path / "home", clock)
    join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0, clock_s=clock))
    clock.now_s += 60.0
    assert isinstance(await refused(doors, agent), InvitationExpiredError)


async def test_an_invitation_for_one_name_enrols_no_other(agent: Served, tmp_path: Path) -> None:
    doors = doors_of(tmp_path / "home")
    join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0, name="lab-7"))
    error = await refused(doors, agent)
    assert isinstance(error, InvitationRefusedError)
    assert "lab-7" in error.message


async def test_an_agent_that_does_not_know_the_secret_is_not_enrolled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that says which invitation it has, as it may have seen, but cannot prove it."""
    honest = PairingService.ProveInvitation

    async def evil(self: PairingService, request: object, context: object) -> ProveInvitationResponse:
        answer = await honest(self, request, context)  # type: ignore[arg-type]  # passed on as it came
        return ProveInvitationResponse(invitation_id=answer.invitation_id, proof=b"x" * 32)

    monkeypatch.setattr(PairingService, "ProveInvitation", evil)
    doors = doors_of(tmp_path / "home")
    async with served_agent(tmp_path / "agent") as agent:
        join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0))
        error = await refused(doors, agent)
    assert isinstance(error, AgentNotEnrolledError)
    assert "its proof is wrong" in error.message
    assert Peers(tmp_path / "home").all() == ()


async def test_a_proof_that_was_recorded_is_of_no_use_to_another_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = doors_of(tmp_path / "home")
    text = invite(tmp_path / "home", uses=2, ttl_s=60.0)
    recorded: list[ProveInvitationResponse] = []
    honest = PairingService.ProveInvitation

    async def record(self: PairingService, request: object, context: object) -> ProveInvitationResponse:
        recorded.append(await honest(self, request, context))  # type: ignore[arg-type]  # passed on as it came
        return recorded[-1]

    async def replay(self: PairingService, request: object, context: object) -> ProveInvitationResponse:
        return recorded[0]

    monkeypatch.setattr(PairingService, "ProveInvitation", record)
    async with served_agent(tmp_path / "agent") as agent:
        join(agent.state, text)
        await spoken_to(doors, agent)
    monkeypatch.setattr(PairingService, "ProveInvitation", replay)
    async with served_agent(tmp_path / "evil", name="lab-2") as evil:
        join(evil.state, text)
        assert "its proof is wrong" in (await refused(doors, evil)).message


async def test_another_key_at_a_known_address_is_refused_with_both_ids(agent: Served, tmp_path: Path) -> None:
    doors = doors_of(tmp_path / "home")
    join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0))
    await spoken_to(doors, agent)
    pins = Peers(tmp_path / "home")
    async with served_agent(tmp_path / "impostor") as impostor:
        (pin,) = pins.all()
        for known in ({"agent_id": pin.lasting_id}, {"name": "lab-1"}):
            error = await refused(doors, impostor, **known)
            assert isinstance(error, KeyChangedError)
            assert agent.identity.device_id in error.message
            assert impostor.identity.device_id in error.message
            assert "mltest-coordinator forget" in next_step_of(error)
    assert pins.all() == (pin,)


async def test_an_agent_that_was_forgotten_has_to_be_invited_again(agent: Served, tmp_path: Path) -> None:
    doors = doors_of(tmp_path / "home")
    join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0))
    await spoken_to(doors, agent)
    doors.forget("lab-1")
    assert isinstance(await refused(doors, agent), AgentNotEnrolledError)
    join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0))
    await spoken_to(doors, agent)


async def test_an_agent_that_was_told_not_to_trust_says_so_to_nobody_but_is_diagnosed(
    agent: Served, tmp_path: Path
) -> None:
    doors = doors_of(tmp_path / "home")
    join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0))
    await spoken_to(doors, agent)
    Peers(agent.state).remove(keys_in(tmp_path / "home").current.device_id)
    error = await refused(doors, agent)
    assert isinstance(error, AgentNotEnrolledError)
    assert "does not trust this coordinator any more" in error.message
    assert "mltest-agent join -" in next_step_of(error)


async def test_many_coordinators_of_one_survey_enrol_once(agent: Served, tmp_path: Path) -> None:
    doors = doors_of(tmp_path / "home")
    join(agent.state, invite(tmp_path / "home", uses=1, ttl_s=60.0))
    await asyncio.gather(*(spoken_to(doors, agent) for _ in range(4)))
    assert len(Peers(tmp_path / "home").all()) == 1


async def test_what_does_not_speak_tls_is_named_and_gets_nothing(tmp_path: Path) -> None:
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(1000))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(AgentUnreachableError, match="does not speak TLS"):
        await doors_of(tmp_path / "home").reach(address)
    server.close()
    assert heard[:1] == b"\x16"  # a handshake, and nothing else
    assert ssl.HAS_TLSv1_3
