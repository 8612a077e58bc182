import base64
import hashlib
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st

from mltest.shared.trust.device_id import certificate_from_pem, device_id_of, is_device_id, public_key_of
from mltest.shared.trust.identity import identity_from_pem, made_here, made_in_a_process
from tests.unit.shared.trust.certificates import Recipe, made

IDENTITY = identity_from_pem(made_here())
CERTIFICATE = x509.load_der_x509_certificate(IDENTITY.certificate_der)


def test_the_public_key_is_the_one_that_a_library_finds() -> None:
    key = CERTIFICATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key_of(IDENTITY.certificate_der) == key
    assert (
        device_id_of(IDENTITY.certificate_der) == base64.b32encode(hashlib.sha256(key).digest()).decode()[:52].lower()
    )


def test_the_name_of_a_certificate_is_its_key() -> None:
    assert CERTIFICATE.subject.rfc4514_string() == CERTIFICATE.issuer.rfc4514_string() == f"CN={IDENTITY.device_id}"
    names = CERTIFICATE.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [IDENTITY.device_id]
    assert is_device_id(IDENTITY.device_id)


@pytest.mark.promise(6)
def test_a_certificate_is_valid_from_the_first_day_of_a_board_without_a_clock_on() -> None:
    assert CERTIFICATE.not_valid_before_utc.isoformat() == "1970-01-01T00:00:00+00:00"
    assert CERTIFICATE.not_valid_after_utc.isoformat() == "9999-12-31T23:59:59+00:00"


def test_the_key_is_on_the_curve_that_grpc_takes_and_belongs_to_the_certificate() -> None:
    key = load_pem_private_key(IDENTITY.key_pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert key.public_key() == CERTIFICATE.public_key()


def test_a_key_that_is_made_in_a_process_is_another_one() -> None:
    assert identity_from_pem(made_in_a_process()).device_id != IDENTITY.device_id


def test_certificates_of_other_makers_are_understood() -> None:
    other = made(Recipe(name="x" * 60))
    assert device_id_of(other.certificate_der) == other.device_id


@pytest.mark.parametrize("content", [b"", b"0", b"0\x80", b"0\x84\xff\xff\xff\xff", b"0\x030\x01\0", b"x" * 500])
def test_what_is_no_certificate_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        device_id_of(content)


@given(st.integers(0, len(IDENTITY.certificate_der) - 1))
def test_a_certificate_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="certificate"):
        device_id_of(IDENTITY.certificate_der[:length])


@given(st.binary(max_size=600))
@pytest.mark.promise(48)
def test_any_bytes_are_refused_or_understood(content: bytes) -> None:
    with suppress(ValueError):
        assert is_device_id(device_id_of(content))


def test_a_key_alone_is_no_certificate() -> None:
    with pytest.raises(ValueError, match="PEM"):
        certificate_from_pem(IDENTITY.key_pem)
