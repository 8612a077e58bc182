"""Certificates as others would make them: right ones, and each wrong in one way."""

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mltest.shared.trust.device_id import device_id_of_key
from mltest.shared.trust.identity import Identity

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a certificate is made."""

    name: str = ""
    """Common name and DNS name; empty: the id of its key."""
    begin: datetime.datetime = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    end: datetime.datetime = datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC)
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


EXPIRED = Recipe(begin=NOW - 2 * DAY, end=NOW - DAY)
SERVER_ONLY = Recipe(usages=(ExtendedKeyUsageOID.SERVER_AUTH,))


def made(recipe: Recipe = Recipe()) -> Identity:  # it is frozen
    """Return a new key with a certificate of that kind."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    device_id = device_id_of_key(public)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, recipe.name or device_id)])
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(recipe.begin)
        .not_valid_after(recipe.end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(recipe.name or device_id)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(recipe.usages), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return Identity(device_id=device_id, key_pem=key_pem, certificate_pem=pem)
