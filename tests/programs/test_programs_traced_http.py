"""What the traced server takes from a connection: bounded before it is read, and never mistaken for something else."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest
from traced_processes import Running, started, text_model

from ai_on_eks.programs.traced_http import LIVE, MOST_BODIES_BYTES, MOST_BODY_BYTES, READY

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    model = text_model(tmp_path_factory.mktemp("embedder") / "model")
    with started(model, "feature-extraction", "--lengths=2,6", "--most-waiting=8") as running:
        running.until(READY, 200)
        yield running


def raw_answer(running: Running, head: str) -> str:
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as link:
        link.sendall(f"POST /v1/embeddings HTTP/1.1\r\nHost: m\r\n{head}\r\n\r\n".encode())
        return link.makefile().read()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 67108865", 413),
        ("Content-Length: -1", 400),
        (f"Content-Length: {'9' * 5000}", 400),
        ("X: y", 411),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_a_body_is_bounded_before_it_is_read(embedder: Running, head: str, status: int) -> None:
    answer = raw_answer(embedder, head)
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "Connection: close" in answer


def test_bodies_together_are_bounded_before_they_are_read_and_room_comes_back(embedder: Running) -> None:
    head = f"POST /v1/embeddings HTTP/1.1\r\nHost: m\r\nContent-Length: {MOST_BODY_BYTES}\r\n\r\n".encode()
    with contextlib.ExitStack() as slow_callers:
        for _ in range(MOST_BODIES_BYTES // MOST_BODY_BYTES):
            link = slow_callers.enter_context(socket.create_connection(("127.0.0.1", embedder.port), timeout=20))
            link.sendall(head)
        end = time.monotonic() + 20
        while (found := embedder.embed("the cat"))[0] == 200 and time.monotonic() < end:
            time.sleep(0.02)
        assert (found[0], found[1]["error"]["code"]) == (503, "overloaded")
        assert embedder.ask(READY)[0] == 200
    while (status := embedder.embed("the cat")[0]) != 200 and time.monotonic() < end + 20:
        time.sleep(0.02)
    assert status == 200


def test_a_caller_of_http_1_0_sees_the_end_of_the_answer(embedder: Running) -> None:
    body = json.dumps({"model": "m", "input": "the cat"})
    with socket.create_connection(("127.0.0.1", embedder.port), timeout=10) as link:
        link.sendall(f"POST /v1/embeddings HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        assert "200 OK" in link.makefile().read()


def test_a_body_that_nobody_reads_is_not_taken_for_the_next_request(embedder: Running) -> None:
    hidden = f"GET {LIVE} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", embedder.port), timeout=10) as link:
        link.sendall(f"GET {LIVE} HTTP/1.1\r\nHost: m\r\nContent-Length: {len(hidden)}\r\n\r\n{hidden}".encode())
        answered = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := link.recv(4096):
                answered += piece
    assert answered.count(b"HTTP/1.1 ") == 1
