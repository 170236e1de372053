"""Create CAs and serving certificates, and read them. Only this module imports cryptography."""

import datetime as dt
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Certificate = x509.Certificate

SKEW: Final = dt.timedelta(hours=1)
"""How far certificates are backdated, for clocks that are slow."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key."""

    certificate: Certificate
    key: ec.EllipticCurvePrivateKey

    def certificate_pem(self) -> bytes:
        """Return the certificate in PEM."""
        return pem([self.certificate])

    def key_pem(self) -> bytes:
        """Return the private key in PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def due(self) -> dt.datetime:
        """Return when to renew it: after two thirds of its life. The last third is for retries."""
        begin, end = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        return begin + (end - begin) * 2 / 3

    def pem(self) -> bytes:
        """Return key and certificate in one PEM, so that a reader always sees a matching pair."""
        return self.key_pem() + self.certificate_pem()


def authority(name: str, hosts: Sequence[str], days: int, now: dt.datetime | None = None) -> Identity:
    """Create a CA whose name constraints limit it to these hosts. It cannot sign other CAs.

    With its stolen key, an attacker can impersonate these hosts and no others.
    """
    now = now or dt.datetime.now(dt.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, subject, key, now, now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_constraints(hosts), critical=True)
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def serving(ca: Identity, hosts: Sequence[str], days: int, now: dt.datetime | None = None) -> Identity:
    """Create a serving certificate for DNS names or IP addresses. It never outlives its CA."""
    now = now or dt.datetime.now(dt.UTC)
    end = min(now + dt.timedelta(days=days), ca.certificate.not_valid_after_utc)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])  # X.520 allows 64; clients ignore it
    builder = (
        _builder(subject, ca.certificate.subject, key, now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()), critical=False)
    )
    return Identity(builder.sign(ca.key, hashes.SHA256()), key)


def pem(certificates: Iterable[Certificate]) -> bytes:
    """Return the certificates, concatenated in PEM."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def certificates(text: bytes) -> tuple[Certificate, ...]:
    """Return all certificates in a PEM, if any. Raises ValueError if one is malformed."""
    return tuple(x509.load_pem_x509_certificates(text)) if b"BEGIN CERTIFICATE" in text else ()


def identity(text: bytes) -> Identity:
    """Return the key and certificate in a PEM. Raises ValueError if one is malformed or they do not match."""
    key = serialization.load_pem_private_key(text, password=None)
    certificate = x509.load_pem_x509_certificate(text)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("key and certificate do not match")
    return Identity(certificate, key)


def issued(ca: Certificate, certificate: Certificate) -> bool:
    """Check whether the CA signed the certificate."""
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def hosts_of(certificate: Certificate) -> frozenset[str]:
    """Return the DNS names and IP addresses in a serving certificate."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(name.value) for name in names)


def permits(ca: Certificate, hosts: Sequence[str]) -> bool:
    """Check whether a CA is limited to exactly these hosts."""
    try:
        permitted = ca.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    except x509.ExtensionNotFound:
        return False
    return set(permitted or ()) == set(_subtrees(hosts))


def expiry(text: bytes) -> float:
    """Return when the first certificate in a PEM expires, as a Unix timestamp. Raises ValueError."""
    return x509.load_pem_x509_certificate(text).not_valid_after_utc.timestamp()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime, end: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _constraints(hosts: Sequence[str]) -> x509.NameConstraints:
    """Permit only these names. RFC 5280 permits all addresses unless the constraints name some."""
    permitted = _subtrees(hosts)
    if any(isinstance(name, x509.IPAddress) for name in permitted):
        return x509.NameConstraints(permitted, None)
    everywhere = [x509.IPAddress(ipaddress.ip_network(network)) for network in ("0.0.0.0/0", "::/0")]
    return x509.NameConstraints(permitted, everywhere)


def _subtrees(hosts: Sequence[str]) -> list[x509.GeneralName]:
    names = [_name(host) for host in hosts]
    return [x509.IPAddress(ipaddress.ip_network(n.value)) if isinstance(n, x509.IPAddress) else n for n in names]


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
