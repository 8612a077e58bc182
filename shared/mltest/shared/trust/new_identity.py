"""Makes a key and its certificate; the only module that needs a cryptographic library.

Daemons that have to stay small run it as a process of its own: `python -m mltest.shared.trust.new_identity` prints
the key and the certificate, as PEM, to a pipe.
"""

import datetime
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mltest.shared.trust.device_id import device_id_of_key

# Boards without a battery start in 1970, and a key is revoked by removing its pin, never by a date.
_BEGIN = datetime.datetime(1970, 1, 1)  # noqa: DTZ001  # the library takes UTC without saying so
_END = datetime.datetime(9999, 12, 31, 23, 59, 59)  # noqa: DTZ001


def new_identity_pem() -> str:
    """Return a new P-256 key (PKCS 8) followed by its self-signed certificate.

    gRPC's TLS refuses Ed25519. The subject is the device id, because roots that share a subject hide each other.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    device_id = device_id_of_key(public)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)])
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(device_id)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(both, critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (key_pem + certificate.public_bytes(serialization.Encoding.PEM)).decode()


if __name__ == "__main__":
    sys.stdout.write(new_identity_pem())
