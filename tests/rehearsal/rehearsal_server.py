"""The emulated AWS as a program of its own: prints its address, then serves until it is ended."""

from __future__ import annotations

import logging
import warnings

import rehearsal_types
from moto.server import ThreadedMotoServer


def main() -> None:
    # What moto's dependencies will change one day is nothing of ours.
    warnings.simplefilter("ignore", DeprecationWarning)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    rehearsal_types.install()
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    print(f"http://localhost:{port}", flush=True)  # moto finds the bucket in the name of a host only below localhost
    if server._thread is not None:
        server._thread.join()


if __name__ == "__main__":
    main()
