"""Make the cluster's certificates: a CA, the API server's, and those of its two clients."""

import ipaddress
import pathlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def subject(user: str, *groups: str) -> x509.Name:
    """Name a user and its groups as the API server reads them from a certificate."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user), *attributes])


CA = subject("rig-ca")
SERVER = (
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("10.0.0.1")),  # to a pod, by the Service `kubernetes`
    x509.IPAddress(ipaddress.ip_address("100.64.0.1")),  # to a node
    x509.DNSName("localhost"),
    x509.DNSName("kubernetes.default.svc"),
)


def write_certificates(directory: pathlib.Path) -> None:
    """Write NAME.crt and NAME.key of everyone, and sa.key, which signs service-account tokens."""
    ca = write_pair(directory, "ca", CA)
    write_pair(directory, "apiserver", subject("kube-apiserver"), ca, SERVER)
    write_pair(directory, "controllers", subject("system:kube-controller-manager"), ca)
    write_pair(directory, "admin", subject("admin", "system:masters"), ca)
    write_key(directory / "sa.key")


def write_client(directory: pathlib.Path, name: str, owner: x509.Name) -> None:
    """Write NAME.crt and NAME.key of one more client, signed by the CA that is there."""
    ca = serialization.load_pem_private_key(directory.joinpath("ca.key").read_bytes(), None)
    assert isinstance(ca, ec.EllipticCurvePrivateKey)
    write_pair(directory, name, owner, ca)


def write_pair(
    directory: pathlib.Path,
    name: str,
    owner: x509.Name,
    ca: ec.EllipticCurvePrivateKey | None = None,
    names: Sequence[x509.GeneralName] = (),
) -> ec.EllipticCurvePrivateKey:
    """Write a key and its certificate, signed by the CA; without one, by itself as a CA."""
    key = write_key(directory / f"{name}.key")
    signer = ca or key
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(owner)
        .issuer_name(CA)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=None), critical=True)
        .add_extension(key_usage(is_ca=ca is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    pem = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    directory.joinpath(f"{name}.crt").write_bytes(pem)
    return key


def write_key(path: pathlib.Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    # kube-apiserver derives the public half of sa.key from this format only.
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(pem)
    return key


def key_usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        key_cert_sign=is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
