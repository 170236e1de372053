"""What the keeper's CA may sign, as TLS clients see it: its own hosts, and no other CA."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from certs import authority

HOST = "kubeflow-openshift.kubeflow-openshift.svc"
CA = authority.authority("test", [HOST], 30)


def handshake(folder: Path, served: bytes, name: str, trusted: authority.Identity = CA) -> None:
    """Serve a PEM in memory to a client that verifies a name. Raises ssl.SSLCertVerificationError."""
    (folder / "serving.pem").write_bytes(served)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(folder / "serving.pem")
    client.load_verify_locations(cadata=trusted.certificate_pem().decode())
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(down, up, server_hostname=name), server.wrap_bio(up, down, server_side=True)]
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


def test_its_own_host_is_accepted(tmp_path: Path) -> None:
    handshake(tmp_path, authority.serving(CA, [HOST], 30).pem(), HOST)


@pytest.mark.parametrize("name", ["kubernetes.default.svc", "oauth-openshift.apps.example", "svc", "10.0.0.1", "::1"])
def test_with_a_stolen_key_nobody_else_can_be_played(name: str, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        handshake(tmp_path, authority.serving(CA, [name], 30).pem(), name)


def test_a_ca_that_it_signs_signs_nothing(tmp_path: Path) -> None:
    below = authority.Identity(authority.serving(CA, [HOST], 30).certificate, CA.key)
    leaf = authority.serving(below, [HOST], 30)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, leaf.pem() + below.certificate_pem(), HOST)


def test_another_cas_certificate_is_refused(tmp_path: Path) -> None:
    other = authority.authority("test", [HOST], 30)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, authority.serving(other, [HOST], 30).pem(), HOST)


def test_a_renewed_ca_that_keeps_its_key_and_name_verifies_what_either_signed(tmp_path: Path) -> None:
    """Show why cert-manager's authority says `rotationPolicy: Never`: it swaps CAs at once, the certificate later."""
    builder = x509.CertificateBuilder(CA.certificate.subject, CA.certificate.issuer, CA.key.public_key())
    for extension in CA.certificate.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    now = dt.datetime.now(dt.UTC)
    dated = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=60))
    signed = dated.serial_number(x509.random_serial_number()).sign(CA.key, hashes.SHA256())
    renewed = authority.Identity(signed, CA.key)

    assert renewed.certificate_pem() != CA.certificate_pem()
    handshake(tmp_path, authority.serving(CA, [HOST], 30).pem(), HOST, trusted=renewed)
    handshake(tmp_path, authority.serving(renewed, [HOST], 30).pem(), HOST, trusted=CA)


def test_it_counts_an_hour_before_it_was_made_and_no_leaf_outlives_it() -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    ca = authority.authority("test", [HOST], 10, now)
    leaf = authority.serving(ca, [HOST], 30, now).certificate
    assert leaf.not_valid_before_utc == ca.certificate.not_valid_before_utc == now - dt.timedelta(hours=1)
    assert leaf.not_valid_after_utc == ca.certificate.not_valid_after_utc == now + dt.timedelta(days=10)


def test_serial_numbers_are_random() -> None:
    numbers = {authority.serving(CA, [HOST], 1).certificate.serial_number for _ in range(20)}
    assert len(numbers) == 20
    assert min(numbers).bit_length() > 100


def test_who_it_is_for_is_read_back() -> None:
    hosts = ["b.svc", "10.0.0.1", "::1", HOST]
    assert authority.hosts_of(authority.serving(CA, hosts, 1).certificate) == set(hosts)
    ca = authority.authority("test", hosts, 1).certificate
    assert authority.permits(ca, hosts[::-1])
    assert not authority.permits(ca, hosts[1:])
    assert not authority.permits(authority.serving(CA, hosts, 1).certificate, hosts)


def critical(certificate: authority.Certificate) -> dict[str, bool]:
    """Return the extensions of a certificate, and whether who does not know one must refuse it."""
    return {type(extension.value).__name__: extension.critical for extension in certificate.extensions}


def usage(certificate: authority.Certificate) -> set[str]:
    """Return what its key may be used for."""
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign")  # fmt: skip
    found = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    return {name for name in names if getattr(found, name)}


def test_a_ca_says_what_it_is_for() -> None:
    assert critical(CA.certificate) == {
        "SubjectKeyIdentifier": False,
        "BasicConstraints": True,
        "KeyUsage": True,
        "NameConstraints": True,
    }
    assert usage(CA.certificate) == {"key_cert_sign", "crl_sign"}
    assert CA.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_a_serving_certificate_says_what_it_is_for() -> None:
    leaf = authority.serving(CA, [HOST], 30).certificate
    assert critical(leaf) == {
        "SubjectKeyIdentifier": False,
        "BasicConstraints": True,
        "KeyUsage": True,
        "ExtendedKeyUsage": False,
        "SubjectAlternativeName": False,
        "AuthorityKeyIdentifier": False,
    }
    assert usage(leaf) == {"digital_signature"}
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    assert [name.value for name in names] == [HOST]
    long = authority.serving(CA, ["a" * 65], 30).certificate.subject
    assert [len(name.value) for name in long] == [64]


def test_a_ca_for_an_address_serves_that_address_and_no_other(tmp_path: Path) -> None:
    local = authority.authority("test", [HOST, "127.0.0.1"], 30)
    handshake(tmp_path, authority.serving(local, [HOST, "127.0.0.1"], 30).pem(), "127.0.0.1", local)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        handshake(tmp_path, authority.serving(local, [HOST, "127.0.0.2"], 30).pem(), "127.0.0.2", local)


def test_a_key_must_be_the_certificates_and_on_an_elliptic_curve() -> None:
    leaf, other = (authority.serving(CA, [HOST], 30) for _ in range(2))
    assert authority.identity(leaf.pem()).certificate == leaf.certificate
    of_rsa = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for key in (other.key_pem(), of_rsa):
        with pytest.raises(ValueError, match="do not match"):
            authority.identity(key + leaf.certificate_pem())


def test_it_is_due_at_two_thirds_of_its_life_and_expires_at_its_end() -> None:
    now = dt.datetime(2026, 1, 1, 1, tzinfo=dt.UTC)
    ca = authority.authority("test", [HOST], 30, now)
    begin, life = now - authority.SKEW, dt.timedelta(days=30, hours=1)
    assert ca.due() == begin + life * 2 / 3
    assert authority.expiry(ca.certificate_pem()) == (begin + life).timestamp()


def test_all_certificates_of_a_text_are_read() -> None:
    others = [authority.serving(CA, [HOST], 30).certificate for _ in range(2)]
    assert authority.certificates(authority.pem(others)) == (*others,)
    assert authority.certificates(b"") == ()


def test_a_leaf_without_names_is_for_nobody() -> None:
    assert authority.hosts_of(CA.certificate) == frozenset()
    assert not authority.issued(authority.serving(CA, [HOST], 30).certificate, CA.certificate)
