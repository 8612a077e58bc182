"""Processes of one user on one machine trust each other on loopback, and nowhere else."""

from pathlib import Path

import grpc
import pytest

from mltest.shared.grpc_options import channel_options
from mltest.shared.trust.book import TrustBook
from mltest.shared.trust.identity import identity_from_pem, made_here
from mltest.shared.trust.local_door import local_door
from mltest.shared.trust.local_peers import FOLDER_VARIABLE, LocalPeers
from mltest.shared.trust.peers import COORDINATOR
from tests.integration.trusting import COMMON_CALLS, refused, served_agent, served_coordinator
from tests.unit.shared.trust.certificates import made

pytestmark = pytest.mark.xdist_group("trust")


def test_a_local_process_is_nobody_on_any_other_connection(tmp_path: Path) -> None:
    local = LocalPeers(tmp_path / "local")
    book = TrustBook(tmp_path / "state", roles=(COORDINATOR,), local=local, make=made_here)
    client = identity_from_pem(made_here())
    certificate = client.certificate_pem.encode()
    assert book.caller(certificate, is_loopback=True) is None
    publication = local.publish(client)
    found = book.caller(certificate, is_loopback=True)
    assert found is not None
    assert found.peer is None
    assert book.caller(certificate, is_loopback=False) is None
    publication.close()
    assert book.caller(certificate, is_loopback=True) is None


async def test_a_process_of_this_user_is_served_until_it_says_goodbye(tmp_path: Path) -> None:
    client = made()
    async with served_agent(tmp_path / "agent") as target:
        publication = LocalPeers().publish(client)
        async with target.channel(client) as channel:
            for call in COMMON_CALLS.values():
                await call(channel)
            publication.close()
            assert await refused(COMMON_CALLS, channel) == {grpc.StatusCode.PERMISSION_DENIED}


@pytest.mark.promise(1)
async def test_a_process_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = made()
    async with served_agent(tmp_path / "agent") as target:
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "other-user"))
        publication = LocalPeers().publish(client)
        async with target.channel(client) as channel:
            assert await refused(COMMON_CALLS, channel) == {grpc.StatusCode.UNAVAILABLE}
        publication.close()


async def test_a_program_without_a_key_reaches_a_coordinator_of_its_user(tmp_path: Path) -> None:
    async with served_coordinator(tmp_path / "home") as target:
        door = local_door(target.address)
        assert door.device_id == target.identity.device_id
        async with door.channel(target.address, channel_options()) as channel:
            for call in COMMON_CALLS.values():
                await call(channel)


async def test_who_has_the_agents_own_certificate_is_not_trusted_for_it(tmp_path: Path) -> None:
    async with served_agent(tmp_path / "agent") as target, target.channel(target.identity) as channel:
        assert await refused(COMMON_CALLS, channel) <= {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE}
