"""Stands in for `tritonserver` where its image cannot be pulled: the same arguments, repository and protocol.

It reads the model repository that Triton would (config.pbtxt beside 1/model.onnx), loads the model with onnxruntime, as
Triton's backend does, and answers the part of the KServe protocol v2 that the workload relies on. Where Triton would
refuse a configuration it ends with 1: an unknown backend, a batch that the model's own first axis cannot be.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

KNOWN = {
    "--model-repository", "--model-control-mode", "--load-model", "--http-port", "--grpc-port", "--metrics-port",
    "--exit-timeout-secs",
}  # fmt: skip
TYPES = {"tensor(float)": ("FP32", np.float32), "tensor(float16)": ("FP16", np.float16)}


class Model:
    """One loaded model; requests that run are counted, so that a stop can wait for them."""

    def __init__(self, folder: Path) -> None:
        text = (folder / "config.pbtxt").read_text(encoding="utf-8")
        self.name = _field(text, "name")
        if self.name != folder.name or _field(text, "backend") != "onnxruntime":
            raise SystemExit(f"config.pbtxt names {self.name} and {_field(text, 'backend')}")
        self.largest_batch = int(_field(text, "max_batch_size"))
        self.session = onnxruntime.InferenceSession(folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])
        axes = {one.name: one.shape[0] for one in (*self.session.get_inputs(), *self.session.get_outputs())}
        if self.largest_batch > 1 and not all(isinstance(axis, str) or axis is None for axis in axes.values()):
            raise SystemExit(f"max_batch_size is {self.largest_batch}, and the model's first axes are {axes}")
        self.running = 0

    def infer(self, request: dict[str, Any]) -> dict[str, Any]:
        feeds = {}
        for given, wanted in zip(request["inputs"], self.session.get_inputs(), strict=True):
            name, kind = TYPES[wanted.type]
            if given["name"] != wanted.name or given["datatype"] != name:
                raise ValueError(f"the model takes {wanted.name} as {name}")
            if given["shape"][0] > self.largest_batch:
                raise ValueError(f"a batch of {given['shape'][0]}; at most {self.largest_batch}")
            feeds[wanted.name] = np.array(given["data"], dtype=kind).reshape(given["shape"])
        time.sleep(float(request.get("parameters", {}).get("test_seconds", 0)))
        answers = self.session.run(None, feeds)
        return {
            "model_name": self.name,
            "outputs": [
                {"name": one.name, "datatype": TYPES[one.type][0], "shape": list(value.shape), "data": value.tolist()}
                for one, value in zip(self.session.get_outputs(), answers, strict=True)
            ],
        }


def _field(text: str, name: str) -> str:
    match = re.search(rf'^{name}: "?([^"\n]+)"?$', text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"config.pbtxt has no {name}")
    return match[1]


def handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Quiet."""

        def do_GET(self) -> None:
            if self.path in ("/v2/health/ready", "/v2/health/live", f"/v2/models/{model.name}/ready"):
                return self._send(200, b"")
            if self.path == "/metrics":
                return self._send(200, b"# TYPE nv_inference_request_success counter\n")
            return self._send(404, b"{}")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != f"/v2/models/{model.name}/infer":
                return self._send(404, b"{}")
            model.running += 1
            try:
                return self._send(200, json.dumps(model.infer(json.loads(body))).encode())
            except (KeyError, ValueError) as error:
                return self._send(400, json.dumps({"error": str(error)}).encode())
            finally:
                model.running -= 1

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def main() -> int:
    flags = dict(argument.split("=", 1) for argument in sys.argv[1:])
    if set(flags) != KNOWN or flags["--model-control-mode"] != "explicit":
        raise SystemExit(f"arguments that this stands in for: {sorted(KNOWN)}; given: {sorted(flags)}")
    model = Model(Path(flags["--model-repository"]) / flags["--load-model"])
    servers = [
        ThreadingHTTPServer(("127.0.0.1", int(flags[port])), handler(model))
        for port in ("--http-port", "--metrics-port")
    ]
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    stopped.wait()
    end = time.monotonic() + float(flags["--exit-timeout-secs"])
    while model.running and time.monotonic() < end:
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main())
