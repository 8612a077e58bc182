"""The gRPC server of a coordinator: on a socket of its owner always, on a TCP port if it was asked to."""

import asyncio
import ipaddress
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mltest.coordinator.engine import Coordinator
from mltest.coordinator.service import SERVICE_NAME, CoordinatorService
from mltest.coordinator.socket_file import published_address, socket_path
from mltest.shared.blobs.service import add_blob_service
from mltest.shared.errors import NotPermittedError, RequestInvalidError
from mltest.shared.grpc_options import MAX_LARGE_RESPONSE_BYTES
from mltest.shared.grpc_server import new_server
from mltest.shared.trust.book import TrustBook
from mltest.shared.trust.guard import TrustGuard
from mltest.shared.trust.identity import made_here
from mltest.shared.trust.local_peers import LocalPeers
from mltest.shared.trust.peers import CLIENT
from mltest.v1 import blob_service_pb2
from mltest.v1.coordinator_service_pb2_grpc import add_CoordinatorServiceServicer_to_server

_GRACE_S = 1.0
"""For streams to deliver their last messages."""
_BLOB_SERVICE_NAME = blob_service_pb2.DESCRIPTOR.services_by_name["BlobService"].full_name


class CoordinatorServer:
    """Serves one coordinator until it is stopped."""

    def __init__(
        self,
        server: grpc.aio.Server,
        guard: TrustGuard,
        files: ExitStack,
        guest_jobs: set[str],
        tcp_address: str,
    ) -> None:
        self._server = server
        self._watching = asyncio.ensure_future(guard.watch())
        self._files = files
        self.guest_jobs = guest_jobs
        """Jobs that other processes have started here."""
        self.tcp_address = tcp_address
        """host:port; empty if it listens on the socket only."""

    @classmethod
    async def start(
        cls, coordinator: Coordinator, folder: Path, *, listen: str, port: int, is_insecure: bool = False
    ) -> "CoordinatorServer":
        """Serve on the socket of `folder`, and on `listen` unless that is empty: by mutual TLS unless `is_insecure`.

        Raises:
            RequestInvalidError: nobody can listen there.

        """
        guest_jobs: set[str] = set()
        local = LocalPeers()
        book = await asyncio.to_thread(TrustBook, folder, roles=(CLIENT,), local=local, make=made_here)
        guard = TrustGuard(book, serves_clear=is_insecure)
        server = new_server(max_response_bytes=MAX_LARGE_RESPONSE_BYTES, interceptors=[guard])
        add_CoordinatorServiceServicer_to_server(CoordinatorService(coordinator, guest_jobs.add), server)
        add_blob_service(server, coordinator.blobs)
        await _add_health_and_reflection(server)
        with ExitStack() as files:
            address = f"unix:{files.enter_context(socket_path(folder))}"
            _bind(server, address, None)
            tcp_address = ""
            if listen:
                tcp_address = _bind_tcp(server, listen, port, None if is_insecure else book.credentials())
                reached = tcp_address.replace("0.0.0.0:", "127.0.0.1:").replace("localhost:", "127.0.0.1:")
                publication = local.publish(book.keys.current, address=reached, is_clear=is_insecure)
                files.callback(publication.close)
            await server.start()
            files.enter_context(published_address(folder, address))
            return cls(server, guard, files.pop_all(), guest_jobs, tcp_address)

    async def stop(self) -> None:
        """Take no more calls, and end those that go on."""
        self._files.close()
        await self._server.stop(_GRACE_S)
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)


def check_listen(listen: str, *, is_insecure: bool) -> None:
    """Return if a server may listen on `listen`, an IP address or "localhost".

    Raises:
        RequestInvalidError: it is neither.
        NotPermittedError: in the clear off loopback.

    """
    try:
        is_loopback = listen == "localhost" or ipaddress.ip_address(listen).is_loopback
    except ValueError as error:
        raise RequestInvalidError(detail=f"{listen!r} is not an IP address") from error
    if is_insecure and not is_loopback:
        raise NotPermittedError(
            detail=f"--insecure serves everybody in the clear, so it works on loopback only, not on {listen}",
            next_step="leave out --insecure, and give clients a key: mltest-coordinator client-key NAME --out DIR",
        )


def _bind_tcp(server: grpc.aio.Server, listen: str, port: int, credentials: grpc.ServerCredentials | None) -> str:
    host = f"[{listen}]" if ":" in listen else listen
    return f"{host}:{_bind(server, f'{host}:{port}', credentials)}"


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    try:
        with _private_umask():
            if credentials is None:
                port = server.add_insecure_port(address)
            else:
                port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise RequestInvalidError(detail=f"nobody can listen on {address}: is the port in use?") from error
    return port


@contextmanager
def _private_umask() -> Iterator[None]:
    """A socket's file is made with the umask; only its owner may connect."""
    old = os.umask(0o177)
    try:
        yield
    finally:
        os.umask(old)


async def _add_health_and_reflection(server: grpc.aio.Server) -> None:
    service = health.aio.HealthServicer()
    names = (SERVICE_NAME, _BLOB_SERVICE_NAME)
    for name in ("", *names):
        await service.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(service, server)
    reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
