"""The hub, its CDN and a plain file server in the test's own process, and every way they can go wrong."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import SSLContext
from urllib.parse import parse_qs, unquote, urlsplit

REPOSITORY = "org/My-Model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_token-of-the-test"  # noqa: S105 - the servers below ask for it
LARGE = (".safetensors", ".gguf", ".onnx", ".bin", ".pt", ".pb", ".index", "-of-00001")
"""Endings of files that git does not hold itself."""

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass
class Request:
    """What was asked for, and what was sent as body."""

    path: str
    range: tuple[int, int] | None
    authorization: str | None
    sent_bytes: int = 0


@dataclass
class Server:
    """Serves `folder` as a repository (`/api`, `/<repository>/resolve`), and its files by range below `/files`.

    cdn       address that large files of the repository are redirected to; default: `/files` of this server
    fault     what the answers to ranges do wrong
    failures  statuses given before the first good answer, one for each request
    answers   bodies given instead of the hub's own, by the beginning of the path
    headers   further headers of an answer, by the beginning of the path
    redirect  address that every request is redirected to
    """

    folder: Path
    needs_token: bool = False
    revisions: tuple[str, ...] = ("main", COMMIT)
    page_size: int = 1000
    cdn: str | None = None
    fault: str | None = None
    failures: list[int] = field(default_factory=list)
    retry_after: str | None = None
    answers: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    redirect: str | None = None
    requests: list[Request] = field(default_factory=list)
    address: str = ""
    edit_entry: Callable[[dict[str, object]], None] = lambda entry: None

    @property
    def sent_bytes(self) -> int:
        """Of files, the API's answers left out."""
        return sum(request.sent_bytes for request in self.requests if not request.path.startswith("/api/"))

    def ranges(self, ending: str = "") -> list[tuple[int, int] | None]:
        """Of the requests that were answered with a piece of a file."""
        return [one.range for one in self.requests if one.path.startswith("/files/") and one.path.endswith(ending)]

    def entries(self) -> list[dict[str, object]]:
        """The list of files as the hub writes it, folders included."""
        found: list[dict[str, object]] = []
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if path.is_dir():
                found.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": name})
                continue
            entry: dict[str, object] = {"type": "file", "size": path.stat().st_size, "path": name}
            if name.endswith(LARGE):
                entry["oid"] = "1" * 40
                entry["lfs"] = {"oid": hashlib.sha256(name.encode()).hexdigest(), "size": path.stat().st_size}
            else:
                content = path.read_bytes()
                head = f"blob {len(content)}\0".encode()
                entry["oid"] = hashlib.sha1(head + content, usedforsecurity=False).hexdigest()
            self.edit_entry(entry)
            found.append(entry)
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server
    asked: Request

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Quiet."""

    def do_GET(self) -> None:
        state = self.server_state
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        match = _RANGE.fullmatch(self.headers.get("Range", ""))
        asked = (int(match[1]), int(match[2])) if match else None
        self.asked = Request(path, asked, self.headers.get("Authorization"))
        state.requests.append(self.asked)
        if state.failures:
            retry = {} if state.retry_after is None else {"Retry-After": state.retry_after}
            return self._send(state.failures.pop(0), b"", retry)
        if state.redirect is not None:
            return self._send(302, b"x" * 10, {"Location": state.redirect})
        for beginning, answer in state.answers.items():
            if path.startswith(beginning):
                return self._send(200, answer)
        if path.startswith("/files/"):
            return self._file(state.folder / path.removeprefix("/files/"), asked)
        if state.needs_token and self.asked.authorization != f"Bearer {TOKEN}":
            return self._send(401, b"", {"X-Error-Code": "GatedRepo"})
        return self._hub(path, parse_qs(parts.query))

    def _hub(self, path: str, query: dict[str, list[str]]) -> None:
        state = self.server_state
        api = f"/api/models/{REPOSITORY}"
        if path in {f"{api}/revision/{revision}" for revision in state.revisions}:
            return self._send(200, json.dumps({"id": REPOSITORY, "sha": COMMIT}).encode())
        if path == f"{api}/tree/{COMMIT}" and query.get("recursive") == ["true"]:
            start = int(query.get("cursor", ["0"])[0])
            entries = state.entries()
            headers = {}
            if start + state.page_size < len(entries):
                following = f"https://elsewhere.example/api?recursive=true&cursor={start + state.page_size}"
                headers["Link"] = f'<{following}>; rel="next"'
            return self._send(200, json.dumps(entries[start : start + state.page_size]).encode(), headers)
        top = f"/{REPOSITORY}/resolve/{COMMIT}/"
        name = path.removeprefix(top)
        if path == name or not (state.folder / name).is_file():
            return self._send(404, b"Entry not found")
        if name.endswith(LARGE):
            return self._send(302, b"", {"Location": f"{state.cdn or state.address}/files/{name}"})
        return self._send(200, (state.folder / name).read_bytes())

    def _file(self, path: Path, asked: tuple[int, int] | None) -> None:  # noqa: C901, PLR0911, PLR0912 - one fault after another
        state = self.server_state
        if not path.is_file():
            return self._send(404, b"")
        size = path.stat().st_size
        etag = {"ETag": f'"{size}"'}
        if asked is None or state.fault == "whole file":
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            return None  # a client that reads on waits for a body that never comes
        first, last = asked
        if first >= size:
            return self._send(416, b"", {"Content-Range": f"bytes */{size}", **etag})
        last = min(last, size - 1)
        with path.open("rb") as stream:
            stream.seek(first)
            body = stream.read(last + 1 - first)
        told = f"bytes {first}-{last}/{size}"
        headers: dict[str, str] = {"Content-Range": told, **etag}
        length = len(body)
        if state.fault == "other range":
            headers["Content-Range"] = f"bytes {first + 1}-{last + 1}/{size + 1}"
        elif state.fault == "no range":
            del headers["Content-Range"]
        elif state.fault == "unknown size":
            headers["Content-Range"] = f"bytes {first}-{last}/*"
        elif state.fault == "too long":
            body += b"x"
            length += 1
        elif state.fault == "too short":
            body, length = body[:-1], length - 1
        elif state.fault == "breaks off":
            body = body[:-1]
        elif state.fault == "gzip":
            headers["Content-Encoding"] = "gzip"
        elif state.fault == "another etag" and first:
            headers["ETag"] = '"another"'
        elif state.fault == "another size" and first:
            headers["Content-Range"] = f"bytes {first}-{last}/{size + 1}"
        elif state.fault == "gone" and first:
            return self._send(404, b"")
        elif state.fault == "forbidden":
            return self._send(403, b"")
        elif state.fault == "teapot":
            return self._send(418, b"")
        return self._send(206, body, headers, length)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int | None = None) -> None:
        self.send_response(status)
        further = {key: value for start, given in self.server_state.headers.items()
                   if self.asked.path.startswith(start) for key, value in given.items()}  # fmt: skip
        for name, value in {**(headers or {}), **further}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if length is not None and length != len(body):
            self.close_connection = True
        self.end_headers()
        self.asked.sent_bytes += len(body)
        self.wfile.write(body)


@contextmanager
def serve(*states: Server, tls: SSLContext | None = None) -> Iterator[None]:
    """Runs the servers; each then knows its `address`."""
    with ExitStack() as stack:
        for state in states:
            handler = type("Handler", (_Handler,), {"server_state": state})
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            stack.callback(server.server_close)
            if tls is not None:
                server.socket = tls.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            scheme = "http" if tls is None else "https"
            state.address = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        yield


def hub_environment(server: Server, **more: str) -> dict[str, str]:
    """The variables that lead the hub's clients to a server, and to no token of this machine."""
    return {"HF_ENDPOINT": server.address, "HF_TOKEN_PATH": str(server.folder / "no-token"), **more}
