"""The name of a key: base32 of the SHA-256 of its public half, in lower case. Pure.

Certificates of peers are compared byte by byte, so nothing of them has to be understood but where the public key is.
That is a walk over DER of few lines, and no daemon has to load a cryptographic library for it.
"""

import base64
import hashlib
import re
import ssl

ID_CHARS = 52
"""Of a device id: 32 bytes in base32 without padding, one label of a host name."""

_DEVICE_ID = re.compile(r"[a-z2-7]{52}")
_SEQUENCE, _VERSION = 0x30, 0xA0
_FIELDS_BEFORE_KEY = 5
"""serialNumber, signature, issuer, validity, subject (RFC 5280, section 4.1)."""


def is_device_id(text: str) -> bool:
    """Return whether `text` can be a device id."""
    return _DEVICE_ID.fullmatch(text) is not None


def device_id_of(certificate_der: bytes) -> str:
    """Return the device id of the key in an X.509 certificate.

    Raises:
        ValueError: it is not one.

    """
    return device_id_of_key(public_key_of(certificate_der))


def device_id_of_key(public_key_der: bytes) -> str:
    """Return the device id of a SubjectPublicKeyInfo."""
    return base64.b32encode(hashlib.sha256(public_key_der).digest()).decode().rstrip("=").lower()


def public_key_of(certificate_der: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of an X.509 certificate, as DER.

    Raises:
        ValueError: it is not one.

    """
    certificate, end = _content(certificate_der, 0, _SEQUENCE)
    if end != len(certificate_der):
        raise ValueError("bytes behind the certificate")
    signed, _ = _content(certificate, 0, _SEQUENCE)
    at = _end(signed, 0) if signed[:1] == bytes([_VERSION]) else 0
    for _ in range(_FIELDS_BEFORE_KEY):
        at = _end(signed, at)
    if signed[at : at + 1] != bytes([_SEQUENCE]):
        raise ValueError("the certificate holds no public key")
    return signed[at : _end(signed, at)]


def certificate_from_pem(text: str) -> bytes:
    """Return the first certificate in `text` as DER.

    Raises:
        ValueError: there is none.

    """
    begin, end = text.find(ssl.PEM_HEADER), text.find(ssl.PEM_FOOTER)
    if begin < 0 or end < begin:
        raise ValueError("this is not a certificate in PEM form")
    return ssl.PEM_cert_to_DER_cert(text[begin : end + len(ssl.PEM_FOOTER)])


def certificate_to_pem(certificate_der: bytes) -> str:
    """Return a certificate as PEM."""
    return ssl.DER_cert_to_PEM_cert(certificate_der)


def short_id(device_id: str) -> str:
    """Return the beginning of an id, enough for people to tell ids apart."""
    return device_id[:7]


def _content(der: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """Return the content of the element at `at`, and where the next one begins."""
    if der[at : at + 1] != bytes([tag]):
        raise ValueError("this is not an X.509 certificate")
    begin, end = _bounds(der, at)
    return der[begin:end], end


def _end(der: bytes, at: int) -> int:
    return _bounds(der, at)[1]


def _bounds(der: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at `at` begins and ends (X.690, section 8.1)."""
    header = der[at : at + 2]
    if len(header) < 2 or header[1] in (0x80, 0xFF):
        raise ValueError("the certificate is cut off")
    begin, length = at + 2, header[1]
    if length > 0x80:
        size = length & 0x7F
        if size > 4:
            raise ValueError("the certificate is too long")
        length = int.from_bytes(der[begin : begin + size], "big")
        begin += size
    if begin + length > len(der):
        raise ValueError("the certificate is cut off")
    return begin, begin + length
