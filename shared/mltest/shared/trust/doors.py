"""The client's end of a connection: to exactly one key, or in the clear where that is wanted."""

from dataclasses import dataclass

import grpc
import grpc.aio

from mltest.shared.grpc_options import Options
from mltest.shared.trust.device_id import device_id_of
from mltest.shared.trust.identity import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How a server is spoken to."""

    device_id: str = ""
    """The only key that is spoken to; empty: in the clear."""
    credentials: grpc.ChannelCredentials | None = None

    def channel(self, address: str, options: Options) -> grpc.aio.Channel:
        """Return a channel to `address` through this door."""
        if self.credentials is None:
            return grpc.aio.insecure_channel(address, options=options)
        # The name in the certificate is its key, whatever the address is today.
        named = [*options, ("grpc.ssl_target_name_override", self.device_id)]
        return grpc.aio.secure_channel(address, self.credentials, options=named)


CLEAR = Door()


def pinned_door(identity: Identity, certificate_pem: str, certificate_der: bytes) -> Door:
    """Return the door to the holder of one certificate, for the holder of `identity`."""
    credentials = grpc.ssl_channel_credentials(
        certificate_pem.encode(), identity.key_pem.encode(), identity.certificate_pem.encode()
    )
    return Door(device_id=device_id_of(certificate_der), credentials=credentials)
