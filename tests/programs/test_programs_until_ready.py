"""A server that is started, waited for and stopped: with real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ai_on_eks.programs import until_ready

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

PROGRAM = Path(until_ready.__file__)
SERVER = """
import http.server, pathlib, signal, sys, time
port, cache, delay = int(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3])
time.sleep(delay)
(cache / "compiled").write_text("program")
def end(*_):
    (cache / "drained").write_text("")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run(*command: str, port: int, seconds: float = 30) -> subprocess.CompletedProcess[bytes]:
    arguments = [f"--url=http://127.0.0.1:{port}/health", f"--seconds={seconds}", "--", *command]
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import until_ready\n"
        "until_ready.PERIOD_SECONDS = 0.1\n"
        "sys.exit(until_ready.main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(PROGRAM.parent), *arguments], capture_output=True, timeout=60, check=False
    )


def test_a_server_that_becomes_ready_is_stopped_and_its_cache_stays(tmp_path: Path) -> None:
    port = free_port()
    done = run(sys.executable, "-c", SERVER, str(port), str(tmp_path), "0.5", port=port)
    assert done.returncode == until_ready.EXIT_DONE, done.stderr
    assert b"ready after" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compiled", "drained"]
    assert not until_ready.answers(f"http://127.0.0.1:{port}/health")


def test_a_server_that_ends_by_itself_is_tried_again() -> None:
    done = run(sys.executable, "-c", "import sys; sys.exit(7)", port=free_port())
    assert done.returncode == until_ready.EXIT_AGAIN
    assert b"ended with 7" in done.stderr


def test_a_server_that_is_too_late_is_stopped(tmp_path: Path) -> None:
    port = free_port()
    done = run(sys.executable, "-c", SERVER, str(port), str(tmp_path), "30", port=port, seconds=0.5)
    assert done.returncode == until_ready.EXIT_AGAIN
    assert b"no answer within" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_is_not_there_is_not_tried_again() -> None:
    assert run("/no/such/server", port=free_port()).returncode == until_ready.EXIT_FINAL


def test_the_order_to_stop_reaches_the_server(tmp_path: Path) -> None:
    port = free_port()
    server = [sys.executable, "-c", SERVER, str(port), str(tmp_path), "0"]
    started = subprocess.Popen(
        [sys.executable, str(PROGRAM), f"--url=http://127.0.0.1:{port}/never", "--seconds=60", "--", *server]
    )
    for _attempt in range(200):
        if (tmp_path / "compiled").exists() and until_ready.answers(f"http://127.0.0.1:{port}/health"):
            break
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGTERM)
    assert started.wait(30) == until_ready.EXIT_AGAIN
    assert (tmp_path / "drained").exists()
