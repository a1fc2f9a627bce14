"""The example that embeds and searches, against an embedding server and a vector database that are played here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from docs_pages import ROOT

from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.serving.engines.tei import PORTS
from ai_on_eks.serving.vectors import ADDRESS

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

EXAMPLE = ROOT / "docs" / "examples" / "vectors"
WORDS = ("gpu", "model", "cat", "scale")


class Services:
    """Both services on one port, with as much of their protocol as the example speaks, and no more lenient."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, Any]] = {}
        self.points: dict[int, dict[str, Any]] = {}
        self.largest_batch = 0

    def embed(self, body: dict[str, Any]) -> Any:
        """Counts of words: what shares words is near."""
        self.largest_batch = max(self.largest_batch, len(body["inputs"]))
        return [[float(text.lower().count(word)) + 0.01 for word in WORDS] for text in body["inputs"]]

    def query(self, body: dict[str, Any]) -> Any:
        found = sorted(self.points.values(), key=lambda point: -_cosine(point["vector"], body["query"]))
        points = [
            {"id": one["id"], "score": _cosine(one["vector"], body["query"]), "payload": one["payload"]}
            for one in found[: body["limit"]]
        ]
        return {"result": {"points": points}, "status": "ok"}

    def upsert(self, body: dict[str, Any]) -> Any:
        size = self.collections["notes"]["vectors"]["size"]
        assert all(len(point["vector"]) == size and isinstance(point["id"], int) for point in body["points"])
        self.points |= {point["id"]: point for point in body["points"]}
        return {"result": {"status": "completed"}, "status": "ok"}

    def exists(self, _: dict[str, Any]) -> Any:
        return {"result": {"exists": "notes" in self.collections}}

    def make(self, body: dict[str, Any]) -> Any:
        assert "notes" not in self.collections, "the server refuses to make a collection twice"
        self.collections["notes"] = body
        return {"result": True}

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        known = {
            ("POST", "/embed"): self.embed,
            ("GET", "/collections/notes/exists"): self.exists,
            ("PUT", "/collections/notes"): self.make,
            ("PUT", "/collections/notes/points?wait=true"): self.upsert,
            ("POST", "/collections/notes/points/query"): self.query,
        }
        called = known.get((method, path))
        return (404, {"status": {"error": "Not found"}}) if called is None else (200, called(body))


def _cosine(one: list[float], other: list[float]) -> float:
    return sum(map(float.__mul__, one, other)) / math.hypot(*one) / math.hypot(*other)


@pytest.fixture
def services() -> Iterator[tuple[Services, str]]:
    state = Services()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Quiet."""

        def _reply(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, value = state.answer(self.command, self.path, json.loads(text or "{}"))
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = _reply  # noqa: N815 - the library's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def _run(address: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "search.py"), *arguments],
        env={"EMBEDDINGS": address, "VECTORS": address},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_texts_are_kept_once_and_found_by_what_they_mean(services: tuple[Services, str], tmp_path: Path) -> None:
    state, address = services
    notes = tmp_path / "notes.txt"
    lines = ["The cat sleeps.", "A GPU serves the model.", "Scale the model by its load."]
    notes.write_text("\n\n".join(lines + [f"Line {number}." for number in range(40)]), encoding="utf-8")

    assert _run(address, "index", str(notes)) == "43 texts kept\n"
    assert _run(address, "index", str(notes)) == "43 texts kept\n"
    assert len(state.points) == 43
    assert state.largest_batch == 32
    assert state.collections["notes"]["vectors"] == {"size": len(WORDS), "distance": "Cosine"}
    first, *_ = _run(address, "search", "scale model").splitlines()
    assert first.endswith("Scale the model by its load.")
    assert len(_run(address, "search", "cat").splitlines()) == 3


def test_wrong_usage_says_how(services: tuple[Services, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        _run(services[1], "serch", "x")
    assert caught.value.returncode == 2
    assert "search.py index" in caught.value.stderr


def test_its_platform_file_loads_and_its_addresses_are_those_that_are_rendered() -> None:
    platform = load_platform(EXAMPLE / "platform.yaml")
    text = (EXAMPLE / "search.py").read_text(encoding="utf-8")

    assert platform.vector_database is not None
    assert f'"{ADDRESS}"' in text
    assert f'"http://bge-large-en-v1-5:{PORTS.http}"' in text
