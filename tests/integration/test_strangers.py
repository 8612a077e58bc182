"""Eight kinds of clients call every service of an agent and of a coordinator; exactly one of them is served."""

from pathlib import Path

import grpc
import grpc.aio
import pytest

from tests.integration.trusting import SERVERS, Handled, Served, handled, refused
from tests.unit.shared.trust.certificates import EXPIRED, SERVER_ONLY, Recipe, made

__all__ = ["handled"]

pytestmark = [
    pytest.mark.xdist_group("trust"),
    pytest.mark.promise(1),
    pytest.mark.parametrize("server", SERVERS),
]

IN_HANDSHAKE = {grpc.StatusCode.UNAVAILABLE}


@pytest.mark.promise(1)
async def test_the_right_client_is_served_by_every_service(server: str, handled: Handled, tmp_path: Path) -> None:
    served, calls = SERVERS[server]
    client = made()
    async with served(tmp_path / "state") as target:
        target.trust(client)
        async with target.channel(client) as channel:
            for call in calls.values():
                await call(channel)
    assert len(handled.methods) == len(calls)


@pytest.mark.parametrize("kind", ["none", "other"])
@pytest.mark.promise(1)
async def test_a_client_that_nobody_invited_is_refused_in_the_handshake(
    server: str, kind: str, handled: Handled, tmp_path: Path
) -> None:
    served, calls = SERVERS[server]
    async with served(tmp_path / "state") as target:
        target.trust(made())
        async with target.channel(made() if kind == "other" else None) as channel:
            assert await refused(calls, channel) == IN_HANDSHAKE
    assert handled.methods == []


@pytest.mark.parametrize("recipe", [EXPIRED, SERVER_ONLY], ids=["expired", "server-only"])
@pytest.mark.promise(1)
async def test_a_certificate_that_does_not_hold_is_refused_although_it_is_pinned(
    server: str, recipe: Recipe, handled: Handled, tmp_path: Path
) -> None:
    served, calls = SERVERS[server]
    client = made(recipe)
    async with served(tmp_path / "state") as target:
        target.trust(client)
        async with target.channel(client) as channel:
            assert await refused(calls, channel) == IN_HANDSHAKE
    assert handled.methods == []


@pytest.mark.promise(1)
async def test_who_bears_the_name_of_a_trusted_key_but_not_the_key_is_refused(
    server: str, handled: Handled, tmp_path: Path
) -> None:
    served, calls = SERVERS[server]
    trusted = made()
    async with served(tmp_path / "state") as target:
        target.trust(trusted)
        async with target.channel(made(Recipe(name=trusted.device_id))) as channel:
            assert await refused(calls, channel) == IN_HANDSHAKE
    assert handled.methods == []


@pytest.mark.promise(1)
async def test_plain_text_is_refused(server: str, handled: Handled, tmp_path: Path) -> None:
    served, calls = SERVERS[server]
    async with served(tmp_path / "state") as target, grpc.aio.insecure_channel(target.address) as channel:
        assert await refused(calls, channel) == IN_HANDSHAKE
    assert handled.methods == []


@pytest.mark.promise(1)
async def test_a_revoked_client_is_refused_on_the_connection_that_it_has(
    server: str, handled: Handled, tmp_path: Path
) -> None:
    served, calls = SERVERS[server]
    client = made()
    async with served(tmp_path / "state") as target:
        target.trust(client)
        async with target.channel(client) as old, target.channel(client) as new:
            for call in calls.values():
                await call(old)
            handled.methods.clear()
            target.revoke(client)
            assert await refused(calls, old) == {grpc.StatusCode.PERMISSION_DENIED}
            assert await refused(calls, new) == IN_HANDSHAKE
    assert handled.methods == []


@pytest.mark.promise(2)
async def test_a_server_that_is_not_the_right_one_gets_nothing(server: str, handled: Handled, tmp_path: Path) -> None:
    served, calls = SERVERS[server]
    client = made()
    async with served(tmp_path / "right") as right, served(tmp_path / "wrong") as wrong:
        for target in (right, wrong):
            target.trust(client)
        expecting = Served(wrong.address, right.state, right.role)
        async with expecting.channel(client) as channel:
            assert await refused(calls, channel) == IN_HANDSHAKE
    assert handled.methods == []
