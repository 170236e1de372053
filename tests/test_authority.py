"""What our CA may sign, as TLS clients see it: its own hosts, and nothing below itself."""

import datetime as dt
import ssl
from pathlib import Path

import pytest

from certs import authority

HOST = "kubeflow-openshift.kubeflow-openshift.svc"
CA = authority.authority("test", [HOST], 30)


def handshake(folder: Path, served: bytes, name: str, trusted: authority.Identity = CA) -> None:
    """Serve a PEM to a client that asks for a name, in memory. Raises ssl.SSLCertVerificationError."""
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
