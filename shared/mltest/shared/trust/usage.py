"""What a certificate says that it is for. Pure.

gRPC's TLS does not look at this in a certificate that is its own root, as every pinned one is.
"""

from functools import lru_cache

from mltest.shared.trust.device_id import certificate_from_pem

# OBJECT IDENTIFIERs as DER (RFC 5280, section 4.2.1.12).
_EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")
_CLIENT_AUTH = bytes.fromhex("06082b06010505070302")


@lru_cache(maxsize=1024)
def may_call(certificate_pem: str) -> bool:
    """Return whether a certificate is for clients, or does not say what it is for.

    Only its owner could spell it in a way that this search misreads, and would gain nothing that its key has not.
    """
    try:
        der = certificate_from_pem(certificate_pem)
    except ValueError:
        return False
    return _EXTENDED_KEY_USAGE not in der or _CLIENT_AUTH in der
