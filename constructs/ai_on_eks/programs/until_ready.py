"""Start a server, wait for its first answer, stop it: whatever it compiled on the way is then in its cache.

Exit codes: 0 it answered and was stopped; 1 it ended by itself or was too late; 3 it could not be started at all.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

EXIT_DONE, EXIT_AGAIN, EXIT_FINAL = 0, 1, 3
PERIOD_SECONDS = 5.0
STOP_SECONDS = 45.0
"""Between the order to stop and the end by force; less than the pod itself is given."""


def answers(url: str) -> bool:
    """Whether the server says that it is ready."""
    try:
        with urllib.request.urlopen(url, timeout=PERIOD_SECONDS) as answer:  # noqa: S310 - the pod's own server
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def stop(server: subprocess.Popen[bytes]) -> None:
    """By the order that Kubernetes gives, and by force where it is not followed."""
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def wait(server: subprocess.Popen[bytes], url: str, seconds: float) -> int:
    """Until it answers, ends or is too late."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        code = server.poll()
        if code is not None:
            print(f"the server ended with {code} before its first answer", file=sys.stderr)
            return EXIT_AGAIN
        if answers(url):
            print(f"ready after {time.monotonic() - began:.0f} s", flush=True)
            return EXIT_DONE
        time.sleep(PERIOD_SECONDS)
    print(f"no answer within {seconds:.0f} s", file=sys.stderr)
    return EXIT_AGAIN


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="answers 200 when the server is ready")
    parser.add_argument("--seconds", required=True, type=float, help="that the server is given")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="-- and the server's command line")
    given = parser.parse_args(arguments)
    command = given.command[1:] if given.command[:1] == ["--"] else given.command
    try:
        server = subprocess.Popen(command)  # noqa: S603 - the command line is the pod's own
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FINAL
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_AGAIN))
    try:
        return wait(server, given.url, given.seconds)
    finally:
        stop(server)


if __name__ == "__main__":
    sys.exit(main())
