"""The whole lock against registries: one in this process, and Debian's docker-registry where it is installed."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.client import HTTPConnection
from pathlib import Path

import pytest
from serving_registry import FakeRegistry, digest_of, manifest, serve

from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.lock import lock_images
from ai_on_eks.serving.registry import RegistryClient

pytestmark = [
    pytest.mark.local_server,
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1"]),
]

TODAY = date(2026, 11, 24)
BINARY = shutil.which("docker-registry")
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"

FILE = """\
schema: v1
images:
  present:
    repository: {host}/team/image
    tag: v1
    digest: null
    verified: null
    size_bytes: 1
  absent:
    repository: {host}/team/image
    tag: v2
    digest: null
    verified: null
    size_bytes: 1
"""


def images_file(tmp_path: Path, host: str) -> Path:
    path = tmp_path / "images.yaml"
    path.write_text(FILE.format(host=host), encoding="utf-8")
    return path


def assert_present_is_locked(path: Path, digest: str) -> None:
    report = lock_images(path, RegistryClient(timeout_seconds=5.0).digest, TODAY)
    assert report.locked == {"present": digest}
    assert [(problem.path, problem.code) for problem in report.problems] == [("images.absent", "image-not-found")]
    images = load_images(path)
    assert (images["present"].digest, images["present"].verified) == (digest, "2026-11-24")
    assert (images["absent"].digest, images["absent"].verified) == (None, None)


def test_given_a_registry_with_tokens_when_locked_then_digests_are_written(tmp_path: Path) -> None:
    body = manifest("one")
    registry = FakeRegistry({"/v2/team/image/manifests/v1": body}, needs_token=True)
    with serve(registry) as host:
        assert_present_is_locked(images_file(tmp_path, host), digest_of(body))


@pytest.mark.skipif(BINARY is None, reason="docker-registry is not installed (Debian package docker-registry)")
def test_given_a_real_registry_when_locked_then_its_digest_is_written(tmp_path: Path) -> None:
    with docker_registry(tmp_path) as port:
        digest = push_tiny_image(port, "team/image", "v1")
        assert_present_is_locked(images_file(tmp_path, f"127.0.0.1:{port}"), digest)


@contextmanager
def docker_registry(folder: Path) -> Iterator[int]:
    """A registry of its own: storage in `folder`, a free port of the loopback interface."""
    assert BINARY is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config = folder / "registry.yml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([BINARY, "serve", str(config)], stdout=log, stderr=log, cwd=folder)
    try:
        wait_until_it_answers(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert process.poll() is None, "the registry ended"
        try:
            if ask(port, "GET", "/v2/")[0] == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the registry does not answer")


def push_tiny_image(port: int, name: str, tag: str) -> str:
    """An image of one empty config and no layer, pushed as clients do: blob first, then the manifest."""
    config = b"{}"
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    status, headers = ask(port, "POST", f"/v2/{name}/blobs/uploads/")
    assert status == 202
    location = headers["location"].removeprefix(f"http://127.0.0.1:{port}")
    joint = "&" if "?" in location else "?"
    assert ask(port, "PUT", f"{location}{joint}digest={digest}", config)[0] == 201
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)},
            "layers": [],
        }
    ).encode()
    status, headers = ask(port, "PUT", f"/v2/{name}/manifests/{tag}", body, MANIFEST_TYPE)
    assert status == 201
    assert headers["docker-content-digest"] == digest_of(body)
    return headers["docker-content-digest"]


def ask(
    port: int, method: str, path: str, body: bytes = b"", content_type: str = "application/octet-stream"
) -> tuple[int, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, {"Content-Type": content_type})
        response = connection.getresponse()
        response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()
