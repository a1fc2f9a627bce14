"""The traced server's requests and answers."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from ai_on_eks.programs.traced_cores import Core, Waiting
from ai_on_eks.programs.traced_inputs import Images, Item, RefusedError, Texts

EMBEDDINGS = "/v1/embeddings"
READY, LIVE, METRICS = "/v2/health/ready", "/v2/health/live", "/metrics"

MOST_BODY_BYTES = 64 * 2**20
"""Of a request: some hundred images, or as many tensors."""
MOST_BODIES_BYTES = 4 * MOST_BODY_BYTES
"""Of all requests at once, from the first byte that is read to the answer: connections are many, memory is not."""
BINARY_HEADER = "Inference-Header-Content-Length"
"""Of the protocol's extension for binary data: bytes of JSON, before those of the tensors."""
MOST_DIGITS = 18
"""Of a number in a header."""
SPARE_CONNECTIONS = 64
"""For probes and metrics, beside those of inputs that wait."""
SOCKET_SECONDS = 30.0
"""That a caller may be silent."""
POLL_SECONDS = 0.05
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the histogram's buckets."""

Json = dict[str, Any]


class Counts:
    """What is told of requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.finished = self.failed = self.refused = 0
        self.seconds, self.below = 0.0, [0] * len(SECONDS)

    def count(self, status: int, seconds: float) -> None:
        with self._lock:
            if status >= 500:
                self.failed += 1
            elif status >= 400:
                self.refused += 1
            else:
                self.finished += 1
                self.seconds += seconds
                for number, most in enumerate(SECONDS):
                    self.below[number] += seconds <= most

    def text(self, running: int, waiting: int) -> str:
        name = "traced_request_duration_seconds"
        lines = [
            "# TYPE traced_inputs_running gauge", f"traced_inputs_running {running}",
            "# TYPE traced_inputs_waiting gauge", f"traced_inputs_waiting {waiting}",
            "# TYPE traced_requests_finished_total counter", f"traced_requests_finished_total {self.finished}",
            "# TYPE traced_requests_failed_total counter", f"traced_requests_failed_total {self.failed}",
            "# TYPE traced_requests_refused_total counter", f"traced_requests_refused_total {self.refused}",
            f"# TYPE {name} histogram",
        ]  # fmt: skip
        lines += [f'{name}_bucket{{le="{most}"}} {self.below[number]}' for number, most in enumerate(SECONDS)]
        lines += [f'{name}_bucket{{le="+Inf"}} {self.finished}', f"{name}_sum {self.seconds}"]
        return "\n".join([*lines, f"{name}_count {self.finished}", ""])


class Api:
    """What may be asked of the model, by path."""

    def __init__(
        self,
        name: str,
        task: str,
        inputs: Texts | Images,
        *,
        labels: Sequence[str],
        waiting: Waiting,
        cores: Sequence[Core],
    ) -> None:
        self._name, self._task, self._inputs, self._labels = name, task, inputs, labels
        self._waiting, self._cores = waiting, cores
        self._width = 0
        self.counts = Counts()
        self.infer = f"/v2/models/{name}/infer"
        self.is_draining = False

    def open(self, width: int) -> None:
        """From now on it answers. `width` of a row of answers."""
        self._width = width

    @property
    def is_ready(self) -> bool:
        return self._width > 0 and not self.is_draining

    def metrics(self) -> str:
        return self.counts.text(sum(core.busy for core in self._cores), len(self._waiting))

    def about(self) -> Json:
        """The protocol's description of the model."""
        makes_vectors = "classification" not in self._task
        name = "embedding" if makes_vectors else "logits"
        inputs = [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
        if isinstance(self._inputs, Images):
            inputs = [
                {"name": "image", "datatype": "BYTES", "shape": [-1]},
                {"name": "pixel_values", "datatype": "FP32", "shape": [-1, *self._inputs.side]},
            ]
        outputs = [{"name": name, "datatype": "FP32", "shape": [-1, self._width]}]
        return {"name": self._name, "platform": "torch_neuronx", "inputs": inputs, "outputs": outputs}

    def answer(self, path: str, body: bytes, json_bytes: str | None = None) -> Json:
        """To a POST, of whose body so many bytes are JSON; None = all."""
        if path not in (EMBEDDINGS, self.infer):
            raise RefusedError(404, f"there is no {path}", "not_found")
        if not self._width:
            raise RefusedError(503, "the model is being loaded", "not_ready")
        makes_vectors = "classification" not in self._task
        if makes_vectors != (path == EMBEDDINGS):
            raise RefusedError(404, f"a model for {self._task} answers at another path", "not_found")
        if makes_vectors:
            return self._embeddings(_object(body))
        length = len(body) if json_bytes is None else _number(json_bytes, BINARY_HEADER)
        return self._scores(_object(body[:length]), memoryview(body)[length:])

    def _embeddings(self, asked: Json) -> Json:
        if asked.get("model") != self._name:
            raise RefusedError(404, f"the model is {self._name}", "model_not_found")
        if asked.get("dimensions") not in (None, self._width):
            raise RefusedError(400, f"vectors have {self._width} dimensions", "invalid_value")
        encoding = asked.get("encoding_format", "float")
        if encoding not in ("float", "base64"):
            raise RefusedError(400, "encoding_format is float or base64", "invalid_value")
        given = asked.get("input")
        items = self._items(given if isinstance(given, list) else [given])
        tokens = sum(len(item.values) for item in items)
        rows = self._rows(items)
        return {
            "object": "list",
            "model": self._name,
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": base64.b64encode(row.tobytes()).decode() if encoding == "base64" else row.tolist(),
                }
                for index, row in enumerate(rows)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    def _scores(self, asked: Json, binary: memoryview) -> Json:
        tensors = asked.get("inputs")
        if not isinstance(tensors, list) or len(tensors) != 1 or not isinstance(tensors[0], dict):
            raise RefusedError(400, "inputs is a list of one tensor", "invalid_value")
        tensor = tensors[0]
        expected = "image" if isinstance(self._inputs, Images) else "text"
        if tensor.get("name") == "pixel_values" and isinstance(self._inputs, Images):
            items = _pixels(tensor, binary, self._inputs.side)
            self._check_number(len(items))
        elif tensor.get("name") == expected and tensor.get("datatype") == "BYTES":
            items = self._items(tensor.get("data"))
        else:
            raise RefusedError(400, f"the input is {expected} of BYTES", "invalid_value")
        rows = self._rows(items)
        outputs: list[Json] = [_tensor("logits", "FP32", [len(rows), self._width], np.concatenate(rows).tolist())]
        if len(self._labels) == self._width:
            names = [self._labels[int(row.argmax())] for row in rows]
            outputs.append(_tensor("label", "BYTES", [len(rows)], names))
        return {"model_name": self._name, "id": asked.get("id", ""), "outputs": outputs}

    def _items(self, given: Any) -> list[Item]:
        if not isinstance(given, list) or not given or not all(isinstance(one, str) and one for one in given):
            raise RefusedError(400, "the input is a text, or a list of texts, and none of them empty", "invalid_value")
        self._check_number(len(given))
        return [self._inputs.item(one) for one in given]

    def _check_number(self, inputs: int) -> None:
        """More than may wait never find room, however often they are sent."""
        if inputs > self._waiting.most:
            raise RefusedError(400, f"a request has at most {self._waiting.most} inputs", "too_many_inputs")

    def _rows(self, items: Sequence[Item]) -> list[Any]:
        self._waiting.put(items)
        rows = [item.row.result() for item in items]
        if not all(np.isfinite(row).all() for row in rows):
            raise RefusedError(500, "the network gave what is no number", "not_finite")
        return rows


def _pixels(tensor: Json, binary: memoryview, side: tuple[int, ...]) -> list[Item]:
    """Images that the caller has made pixels of: numbers, or their bytes after the JSON."""
    shape, parameters = tensor.get("shape"), tensor.get("parameters") or {}
    is_shape = isinstance(shape, list) and shape[1:] == [*side] and isinstance(shape[0], int) and shape[0] > 0
    if tensor.get("datatype") != "FP32" or not is_shape:
        raise RefusedError(400, f"pixel_values is FP32 of the shape {[-1, *side]}", "invalid_value")
    if not isinstance(parameters, dict):
        raise RefusedError(400, "parameters of pixel_values is no JSON object", "invalid_value")
    size = parameters.get("binary_data_size")
    try:
        values = np.frombuffer(binary[:size], "<f4") if size else np.asarray(tensor.get("data"), dtype="<f4")
        pixels = values.reshape(shape)
    except (OverflowError, TypeError, ValueError) as error:
        raise RefusedError(400, f"pixel_values: {error}", "invalid_value") from None
    if not np.isfinite(pixels).all():
        raise RefusedError(400, "pixel_values has numbers that are none", "invalid_value")
    return [Item(0, image) for image in pixels]


def _tensor(name: str, data_type: str, shape: list[int], data: list[Any]) -> Json:
    return {"name": name, "datatype": data_type, "shape": shape, "data": data}


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "the request is not JSON", "invalid_json") from None
    if not isinstance(found, dict):
        raise RefusedError(400, "the request is no JSON object", "invalid_json")
    return found


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > MOST_DIGITS:
        raise RefusedError(400, f"{what} is no number", "invalid_value")
    return int(text)


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open between requests until the server drains."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_SECONDS
    disable_nagle_algorithm = True  # a small answer does not wait for the caller to acknowledge its head
    server_version, sys_version = "traced", ""

    def do_GET(self) -> None:
        api = self.server.api
        if "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "0") != "0":
            self.close_connection = True  # a body that nobody reads would be taken for the next request
        if self.path == METRICS:
            self._send(200, api.metrics().encode(), "text/plain; version=0.0.4; charset=utf-8")
        elif self.path in (READY, LIVE):
            self._send(200 if self.path == LIVE or api.is_ready else 503, b"")
        elif self.path == api.infer.removesuffix("/infer"):
            self._send(200, json.dumps(api.about()).encode())
        else:
            self._send_refusal(RefusedError(404, f"there is no {self.path}", "not_found"))

    def do_POST(self) -> None:
        began = time.monotonic()
        with self.server.request() as running:
            refusal: RefusedError | None = None
            try:
                answer = self.server.api.answer(self.path, self._body(running), self.headers.get(BINARY_HEADER))
            except RefusedError as error:
                refusal = error
            except OSError:  # the caller is silent, or gone
                raise
            except Exception as error:
                print(f"error: {error!r}", file=sys.stderr, flush=True)
                refusal = RefusedError(500, "the server failed", "internal_error")
            self.server.api.counts.count(200 if refusal is None else refusal.status, time.monotonic() - began)
            if refusal is None:
                self._send(200, json.dumps(answer).encode())
            else:
                self._send_refusal(refusal)

    def _body(self, running: Running) -> bytes:
        """All of it, where it says how long it is and that is not too much; else the connection cannot go on."""
        is_last, self.close_connection = self.close_connection, True
        if "Transfer-Encoding" in self.headers or "Content-Length" not in self.headers:
            raise RefusedError(411, "a request says its Content-Length", "length_required")
        length = _number(self.headers["Content-Length"], "Content-Length")
        if length > MOST_BODY_BYTES:
            raise RefusedError(413, f"a request has at most {MOST_BODY_BYTES} bytes", "request_too_large")
        running.hold(length)
        body = self.rfile.read(length)
        if len(body) < length:
            raise RefusedError(400, "the request ended early", "invalid_request")
        self.close_connection = is_last
        return body

    def _send_refusal(self, error: RefusedError) -> None:
        text: Json = {"error": {"message": error.message, "type": "invalid_request_error", "code": error.kind}}
        if self.path.startswith("/v2"):
            text = {"error": error.message}
        self._send(error.status, json.dumps(text).encode())

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        if self.server.api.is_draining:
            self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "1")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing: metrics tell of requests, and texts are nobody's business."""


class Server(ThreadingHTTPServer):
    """A thread for each connection, of which there are at most so many."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, api: Api, *, most_connections: int) -> None:
        self.api = api
        self._free = threading.BoundedSemaphore(most_connections + SPARE_CONNECTIONS)
        self._running, self._held_bytes, self._lock = 0, 0, threading.Lock()
        super().__init__(("", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: callers go away."""

    def request(self) -> Running:
        return Running(self)

    def changed(self, requests: int = 0, held_bytes: int = 0) -> None:
        with self._lock:
            if held_bytes > 0 and self._held_bytes + held_bytes > MOST_BODIES_BYTES:
                raise RefusedError(503, "too many bytes of other requests are held", "overloaded")
            self._running += requests
            self._held_bytes += held_bytes

    def drain(self, seconds: float) -> None:
        """Take no connection any more and let what runs end."""
        self.api.is_draining = True
        self.shutdown()
        self.socket.close()
        end = time.monotonic() + seconds
        while self._running and time.monotonic() < end:
            time.sleep(POLL_SECONDS)


class Running:
    """A request that is being answered."""

    def __init__(self, server: Server) -> None:
        self._server, self._held_bytes = server, 0

    def __enter__(self) -> Running:
        self._server.changed(requests=1)
        return self

    def hold(self, body_bytes: int) -> None:
        """Until it is answered; a body for which there is no room is not read."""
        self._server.changed(held_bytes=body_bytes)
        self._held_bytes = body_bytes

    def __exit__(self, *_: object) -> None:
        self._server.changed(requests=-1, held_bytes=-self._held_bytes)
