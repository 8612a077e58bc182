"""Makes gRPC servers with the bounds that every one of ours has."""

from collections.abc import Sequence

import grpc.aio

from mltest.shared.grpc_options import MAX_RESPONSE_BYTES, server_options
from mltest.shared.rpc_guard import RpcGuard


def new_server(
    *,
    max_response_bytes: int = MAX_RESPONSE_BYTES,
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
) -> grpc.aio.Server:
    """Return a server without services or ports; `interceptors` see a call before its bounds are looked at."""
    options = server_options(max_response_bytes=max_response_bytes)
    return grpc.aio.server(options=options, interceptors=[*interceptors, RpcGuard()])
