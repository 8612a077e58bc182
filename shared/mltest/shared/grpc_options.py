"""Options of gRPC servers and channels: small bounds for what a stranger can hold, and dead peers noticed early.

How many calls a server takes at once is for `mltest.shared.rpc_guard` to say.
The library's defaults keep silent connections open for ever and notice a stopped peer after minutes only.
`tests/system/test_abuse.py` and `tests/system/test_silent_peers.py` show that each of them bites.
"""

Options = list[tuple[str, int]]

MIB = 1024 * 1024

MAX_REQUEST_BYTES = MIB + 1024
"""Largest message to a server: a chunk of 1 MiB, as the contract allows it, with its framing."""

MAX_RESPONSE_BYTES = 4 * MIB
"""Largest message from an agent."""

MAX_LARGE_RESPONSE_BYTES = 64 * MIB
"""Largest message from a coordinator: results of a job with many classes, candidates and agents are one."""

_MAX_METADATA_BYTES = 8192

# keepalive_timeout alone leaves a stopped peer unnoticed for a minute; ping_timeout has to be set with it.
_KEEPALIVE: Options = [
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
]

# What is under way on a connection, and what a ping has to wait behind. The library lets it grow on a thin line until
# the answer to a ping takes longer than its time limit, and a connection that works is closed.
_WINDOW: Options = [
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", MIB // 2),
]

_METADATA: Options = [
    ("grpc.max_metadata_size", _MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", _MAX_METADATA_BYTES),
]


def server_options(*, max_response_bytes: int = MAX_RESPONSE_BYTES) -> Options:
    """Return the options of every server; an agent's messages are smaller than a coordinator's."""
    return [
        ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
        ("grpc.max_send_message_length", max_response_bytes),
        *_METADATA,
        *_WINDOW,
        *_KEEPALIVE,
        ("grpc.max_concurrent_streams", 16),
        ("grpc.max_allowed_incoming_connections", 64),
        ("grpc.server_handshake_timeout_ms", 10_000),
        ("grpc.max_connection_idle_ms", 300_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.so_reuseport", 0),
    ]


def channel_options(*, max_response_bytes: int = MAX_RESPONSE_BYTES) -> Options:
    """Return the options of every channel.

    Each channel has a connection of its own, so that the streams of one never block the calls of another.
    """
    return [
        ("grpc.max_receive_message_length", max_response_bytes),
        ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
        *_METADATA,
        *_WINDOW,
        *_KEEPALIVE,
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 500),
        ("grpc.max_reconnect_backoff_ms", 30_000),
        ("grpc.use_local_subchannel_pool", 1),
    ]
