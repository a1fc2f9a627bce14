"""Single files over https, with a certificate of the test's own, and where a redirect may lead."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hub_server import Server, serve
from safetensors.numpy import save_file

from ai_on_eks import web
from ai_on_eks.descriptors.describe import describe, describe_place
from ai_on_eks.descriptors.remote.opening import open_remote
from ai_on_eks.descriptors.remote.ranges import FIRST_BYTES
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.web import address_kind

pytestmark = [
    pytest.mark.local_server,
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1", "127.0.0.2"]),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key for 127.0.0.1, valid for a day around the run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=12))
        .not_valid_after(now + timedelta(hours=12))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "loopback.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """For the server; the client trusts it by the variable that OpenSSL reads."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def write_shards(folder: Path) -> None:
    places = {"embed": "model-00001-of-00002.safetensors", "lm_head.weight": "model-00002-of-00002.safetensors"}
    for tensor, shard in places.items():
        save_file({tensor: np.zeros((4096, 512), np.float16)}, folder / shard)
    index = {"metadata": {"total_size": 2 * 4096 * 512 * 2}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def refused(source: str, waits: list[float] | None = None) -> Problem:
    with pytest.raises(InputError) as caught:
        describe_place(open_remote(source, {}, ([] if waits is None else waits).append))
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("name", ["model-00002-of-00002.safetensors", "model.safetensors.index.json"])
def test_given_a_file_by_its_address_when_described_then_it_is_as_from_a_folder(
    name: str, tmp_path: Path, tls: ssl.SSLContext
) -> None:
    write_shards(tmp_path)
    server = Server(tmp_path)
    with serve(server, tls=tls):
        source = f"{server.address}/files/{name}"
        found = describe_place(open_remote(source, {"HF_TOKEN": "hf_never-sent"}))
    local = describe(str(tmp_path / name))
    stated = found.descriptor.source
    assert (stated.uri, stated.file, stated.revision) == (f"{server.address}/files", name, None)
    assert found.notes == local.notes
    assert found.descriptor.model_copy(update={"source": local.descriptor.source}) == local.descriptor
    assert {one.authorization for one in server.requests} == {None}
    assert server.sent_bytes <= 3 * FIRST_BYTES


def test_given_no_such_file_when_described_then_it_is_told(tmp_path: Path, tls: ssl.SSLContext) -> None:
    server = Server(tmp_path)
    with serve(server, tls=tls):
        assert refused(f"{server.address}/files/m.gguf").code == "file-not-found"
        (tmp_path / "empty.gguf").write_bytes(b"")
        assert refused(f"{server.address}/files/empty.gguf").code == "weights-malformed"
        (tmp_path / "readme.md").write_bytes(b"text")
        assert refused(f"{server.address}/files/readme.md").code == "source-not-supported"


def test_given_an_index_whose_shard_is_missing_when_described_then_the_shard_is_named(
    tmp_path: Path, tls: ssl.SSLContext
) -> None:
    write_shards(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    server = Server(tmp_path)
    with serve(server, tls=tls):
        problem = refused(f"{server.address}/files/model.safetensors.index.json")
    assert problem.code == "file-not-found"
    assert problem.file == f"{server.address}/files/model-00002-of-00002.safetensors"


def test_given_a_certificate_that_nobody_trusts_then_it_is_told_at_once(
    tmp_path: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    waits: list[float] = []
    server = Server(tmp_path)
    with serve(server, tls=tls):
        problem = refused(f"{server.address}/files/m.gguf", waits)
    assert (problem.code, "certificate" in problem.message.lower(), waits) == ("remote-unreachable", True, [])


def _silent_listener(received: list[bytes]) -> tuple[int, Callable[[], None]]:
    """Accepts one connection on another loopback address and keeps what it is sent."""
    listener = socket.create_server(("127.0.0.2", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5.0)
            received.append(connection.recv(100))

    thread = threading.Thread(target=accept)
    thread.start()

    def close() -> None:
        thread.join()
        listener.close()

    return listener.getsockname()[1], close


@pytest.mark.parametrize("kind", ["private", "loopback", "link-local", "reserved"])
def test_given_a_redirect_from_the_internet_into_a_network_then_nothing_is_sent_there(
    kind: str, tmp_path: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "address_kind", {"127.0.0.1": "public", "127.0.0.2": kind}.__getitem__)
    received: list[bytes] = []
    port, close = _silent_listener(received)
    server = Server(tmp_path, redirect=f"https://127.0.0.2:{port}/latest/meta-data")
    with serve(server, tls=tls):
        problem = refused(f"{server.address}/files/m.gguf")
    close()
    assert (problem.code, kind in problem.message) == ("remote-redirect-refused", True)
    assert received == [b""], "not even a greeting"


def test_given_a_private_hub_then_its_redirects_stay_private_or_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = {"10.0.0.1": "private", "10.0.0.2": "private", "8.8.8.8": "public", "127.0.0.1": "loopback"}
    monkeypatch.setattr(web, "address_kind", kinds.__getitem__)
    reach = web._Reach()
    for address in ("10.0.0.1", "10.0.0.2", "8.8.8.8"):
        reach.check(address)
    with pytest.raises(web.AddressRefusedError, match="loopback"):
        reach.check("127.0.0.1")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("8.8.8.8", "public"), ("2606:4700::1", "public"), ("127.0.0.1", "loopback"), ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"), ("::ffff:10.1.2.3", "private"), ("10.1.2.3", "private"),
        ("192.168.1.1", "private"), ("172.16.0.1", "private"), ("fd00::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"), ("fd00:ec2::254", "private"), ("100.64.0.1", "reserved"),
        ("224.0.0.1", "reserved"),
    ],
)  # fmt: skip
def test_given_an_address_then_its_kind_is_known(address: str, kind: str) -> None:
    assert address_kind(address) == kind
