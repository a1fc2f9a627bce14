"""A registry in the test's own process: the endpoints that pinning uses, and every way they can go wrong."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "anonymous-token-of-the-test"  # noqa: S105 - given by the server below to anyone
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"


def manifest(seed: str) -> bytes:
    """A small image index; `seed` makes its digest."""
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [], "seed": seed}).encode()


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass
class FakeRegistry:
    """What the server answers, and what it was asked.

    failures   statuses given before the first good answer, one for each request
    """

    manifests: dict[str, bytes]
    needs_token: bool = False
    challenge: str | None = None
    announced_digest: str | None = None
    omit_digest: bool = False
    token_body: bytes = json.dumps({"token": TOKEN}).encode()
    failures: list[int] = field(default_factory=list)
    retry_after: str | None = None
    redirect_to: str | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    token_queries: list[dict[str, list[str]]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    host: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Quiet."""

    def _answer(self, *, with_body: bool) -> None:
        registry = self.registry
        parts = urlsplit(self.path)
        registry.requests.append((self.command, parts.path))
        if parts.path == "/token":
            registry.token_queries.append(parse_qs(parts.query))
            return self._send(200, {}, registry.token_body, with_body)
        if registry.failures:
            headers = {} if registry.retry_after is None else {"Retry-After": registry.retry_after}
            return self._send(registry.failures.pop(0), headers, b"", with_body)
        if registry.redirect_to is not None:
            return self._send(307, {"Location": registry.redirect_to}, b"", with_body)
        if registry.needs_token and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = registry.challenge or (
                f'Bearer realm="http://{registry.host}/token",service="test",scope="repository:team/image:pull"'
            )
            return self._send(401, {"WWW-Authenticate": challenge}, b"", with_body)
        registry.accepted.append(self.headers.get("Accept", ""))
        body = registry.manifests.get(parts.path)
        if body is None:
            return self._send(404, {}, b"", with_body)
        headers = (
            {} if registry.omit_digest else {"Docker-Content-Digest": registry.announced_digest or digest_of(body)}
        )
        return self._send(200, {"Content-Type": INDEX_TYPE, **headers}, body, with_body)

    def _send(self, status: int, headers: dict[str, str], body: bytes, with_body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@contextmanager
def serve(registry: FakeRegistry) -> Iterator[str]:
    """`host:port` of the running server."""
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        registry.host = f"127.0.0.1:{server.server_address[1]}"
        yield registry.host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
