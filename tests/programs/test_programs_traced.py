"""The traced server, really started, with stand-ins for PyTorch, its compiler and the device.

With the image's own versions (PyTorch 2.9.0, transformers 4.57.6, tokenizers 0.22.2) and `torch.jit.trace` in place of
the compiler it was run on a processor for a small model of every type in the catalogue: answers were those of the model
itself to 6e-8 (2026-11-29). On a NeuronCore it was not run.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image
from traced_processes import (
    CLASSES,
    EMBEDDING,
    HEAD,
    LABELS,
    SIDE,
    TEXT_HEAD,
    WIDTH,
    WORDS,
    Running,
    free_port,
    image_model,
    started,
    text_model,
    vector,
    write,
)

from ai_on_eks.programs.traced_inputs import DECODED_AT_ONCE, Images

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

READY, LIVE = "/v2/health/ready", "/v2/health/live"
TEXTS = ("--lengths=2,6", "--compiler=--model-type=transformer")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for everything that leaves it as it was."""
    model = text_model(tmp_path_factory.mktemp("embedder") / "model")
    with started(model, "feature-extraction", *TEXTS, "--most-waiting=8") as running:
        running.until(READY, 200)
        yield running


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    model = image_model(tmp_path_factory.mktemp("classifier") / "model")
    with started(model, "image-classification") as running:
        running.until(READY, 200)
        yield running


def picture(colour: tuple[int, int, int] = (255, 128, 0)) -> str:
    file = io.BytesIO()
    Image.new("RGB", (5, 7), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def infer(running: Running, data: list[str], name: str = "image") -> tuple[int, Any]:
    tensor = {"name": name, "datatype": "BYTES", "shape": [len(data)], "data": data}
    return running.ask("/v2/models/m/infer", {"id": "7", "inputs": [tensor]})


def test_ready_is_when_every_program_is_traced_and_has_run(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    slow = {"STAND_IN_TRACE_SECONDS": "1"}
    with started(model, "feature-extraction", *TEXTS, environment=slow) as running:
        running.until(LIVE, 200)
        assert running.ask(READY)[0] == 503
        assert running.embed("the cat")[0] == 503
        running.until(READY, 200)
        assert running.traced() == [
            {"shapes": [[4, 2], [4, 2]], "compiler": ["--model-type=transformer"], "cores": "1"},
            {"shapes": [[4, 6], [4, 6]], "compiler": ["--model-type=transformer"], "cores": "1"},
        ]


def test_vectors_are_the_models_for_short_and_long_texts(embedder: Running) -> None:
    texts = ["the cat", "the cat sat on a mat", "sat"]
    status, answer = embedder.embed(texts)
    assert status == 200
    assert [one["index"] for one in answer["data"]] == [0, 1, 2]
    found = np.array([one["embedding"] for one in answer["data"]])
    assert np.allclose(found, [vector(text) for text in texts], atol=1e-6)
    assert answer["usage"] == {"prompt_tokens": 9, "total_tokens": 9}


def test_vectors_as_openais_client_asks_for_them(embedder: Running) -> None:
    status, answer = embedder.embed("a mat", encoding_format="base64", dimensions=WIDTH)
    assert status == 200
    raw = base64.b64decode(answer["data"][0]["embedding"])
    assert np.allclose(np.frombuffer(raw, "<f4"), vector("a mat"), atol=1e-6)


def test_a_first_token_as_the_vector_where_the_model_says_so(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model", pooling="cls_token")
    with started(model, "sentence-similarity", *TEXTS, cores=1) as running:
        running.until(READY, 200)
        _status, answer = running.embed("sat on")
        assert np.allclose(answer["data"][0]["embedding"], vector("sat on", "cls"), atol=1e-6)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"model": "m", "input": "the cat sat on a mat the"}, 400, "context_length_exceeded"),
        ({"model": "m", "input": "x" * 601}, 400, "context_length_exceeded"),
        ({"model": "m", "input": ""}, 400, "invalid_value"),
        ({"model": "m", "input": []}, 400, "invalid_value"),
        ({"model": "m", "input": [1, 2]}, 400, "invalid_value"),
        ({"model": "m", "input": ["the"] * 9}, 400, "too_many_inputs"),
        ({"model": "m", "input": "\ud800"}, 400, "invalid_value"),
        ({"model": "m", "input": "the", "dimensions": 2}, 400, "invalid_value"),
        ({"model": "m", "input": "the", "encoding_format": "hex"}, 400, "invalid_value"),
        ({"model": "other", "input": "the"}, 404, "model_not_found"),
        ([], 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
    ],
    ids=lambda given: None if not isinstance(given, str) else given,
)
def test_what_cannot_be_answered_is_refused_and_said(embedder: Running, body: Any, status: int, kind: str) -> None:
    found, answer = embedder.ask("/v1/embeddings", body)
    assert (found, answer["error"]["code"]) == (status, kind)
    assert embedder.embed("the cat")[0] == 200


def test_other_paths_are_not_there(embedder: Running) -> None:
    assert embedder.ask("/v1/completions", {})[0] == 404
    assert embedder.ask("/v2/models/m/infer", {})[0] == 404
    assert embedder.ask("/")[0] == 404
    _status, about = embedder.ask("/v2/models/m")
    assert about["outputs"] == [{"name": "embedding", "datatype": "FP32", "shape": [-1, WIDTH]}]


def test_requests_at_once_share_batches_and_are_counted(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    with started(model, "feature-extraction", *TEXTS, environment={"STAND_IN_SECONDS": "0.4"}) as running:
        running.until(READY, 200)
        began = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            answers = pool.map(running.embed, WORDS[1:] * 2 + ["the cat sat"] * 4)
            time.sleep(0.2)
            metrics = running.ask("/metrics")[1]
            found = [answer for status, answer in answers if status == 200]
        # Sixteen inputs, four to a batch on each of two cores: two or three rounds, and not sixteen.
        assert time.monotonic() - began < 3
        assert len(found) == 16
        gauges = dict(line.split() for line in metrics.splitlines() if not line.startswith("#"))
        assert 1 <= int(gauges["traced_inputs_running"]) <= 8
        assert int(gauges["traced_inputs_running"]) + int(gauges["traced_inputs_waiting"]) == 16
        gauges = dict(line.split() for line in running.ask("/metrics")[1].splitlines() if not line.startswith("#"))
        assert gauges["traced_requests_finished_total"] == "16"
        assert gauges['traced_request_duration_seconds_bucket{le="+Inf"}'] == "16"
        assert gauges['traced_request_duration_seconds_bucket{le="0.25"}'] == "0"
        assert gauges["traced_inputs_running"] == gauges["traced_inputs_waiting"] == "0"


def test_more_than_may_wait_is_refused_at_once(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    slow = {"STAND_IN_SECONDS": "1"}
    with started(model, "feature-extraction", *TEXTS, "--most-waiting=4", environment=slow, cores=1) as running:
        running.until(READY, 200)
        with ThreadPoolExecutor(3) as pool:
            first = [pool.submit(running.embed, ["the"] * 4)]
            time.sleep(0.3)  # the core has it
            first.append(pool.submit(running.embed, ["cat"] * 4))
            time.sleep(0.2)
            status, answer = running.embed("sat")
            assert (status, answer["error"]["code"]) == (503, "overloaded")
            assert [one.result()[0] for one in first] == [200, 200]


def test_the_order_to_stop_lets_a_running_request_end(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    with started(model, "feature-extraction", *TEXTS, environment={"STAND_IN_SECONDS": "3"}) as running:
        running.until(READY, 200)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(running.embed, "the cat")
            time.sleep(0.3)
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            assert running.ask(READY)[0] == 0, "no connection is taken any more"
            status, answer = asked.result()
        assert status == 200
        assert np.allclose(answer["data"][0]["embedding"], vector("the cat"), atol=1e-6)
        assert running.process.wait(20) == 0


def test_the_order_to_stop_is_followed_while_programs_are_traced(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    with started(model, "feature-extraction", *TEXTS, environment={"STAND_IN_TRACE_SECONDS": "60"}) as running:
        running.until(LIVE, 200)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0


def test_programs_in_the_cache_are_not_traced_again_and_another_batch_is(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    with started(model, "feature-extraction", *TEXTS) as running:
        running.until(READY, 200)
    with started(model, "feature-extraction", *TEXTS, environment={"STAND_IN_NO_COMPILER": "1"}) as running:
        running.until(READY, 200)
        assert running.embed("the cat")[0] == 200
    with started(model, "feature-extraction", *TEXTS, "--batch=2") as running:
        running.until(READY, 200)
        assert [one["shapes"][0] for one in running.traced()] == [[4, 2], [4, 6], [2, 2], [2, 6]]


def test_programs_are_kept_in_the_store_where_the_next_replica_finds_them(tmp_path: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=free_port(), verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        store = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "TRACED_PROGRAMS_URL": "s3://weights/compiled/m/1/tag/1-ranks-6x4",
        }
        make_bucket(store)
        first, second = text_model(tmp_path / "first" / "model"), text_model(tmp_path / "second" / "model")
        with started(first, "feature-extraction", *TEXTS, environment=store) as running:
            running.until(READY, 200)
            assert len(running.traced()) == 2
        with started(
            second, "feature-extraction", *TEXTS, environment={**store, "STAND_IN_NO_COMPILER": "1"}
        ) as running:
            running.until(READY, 200)
            status, answer = running.embed("the cat")
            assert status == 200
            assert np.allclose(answer["data"][0]["embedding"], vector("the cat"), atol=1e-6)
    finally:
        server.stop()


def make_bucket(environment: dict[str, str]) -> None:
    import boto3  # noqa: PLC0415 - slow, and one test's

    boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106
    ).create_bucket(Bucket="weights")


def test_a_core_that_fails_ends_the_server_so_that_it_is_started_anew(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    broken = {"STAND_IN_FAILS_AT": str(WORDS.index("mat"))}
    with started(model, "feature-extraction", *TEXTS, environment=broken) as running:
        running.until(READY, 200)
        status, answer = running.embed("mat")
        assert (status, answer["error"]["code"]) == (500, "core_failed")
        assert running.process.wait(20) == 1


def test_a_compiler_that_fails_ends_the_server(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    with started(model, "feature-extraction", *TEXTS, environment={"STAND_IN_NO_COMPILER": "1"}) as running:
        assert running.process.wait(30) == 1


@pytest.mark.parametrize(
    ("task", "spoil", "words"),
    [
        ("feature-extraction", "modules.json", "modules.json is missing"),
        ("feature-extraction", "tokenizer.json", "tokenizer.json is missing"),
        ("text-classification", "config.json", "config.json is missing"),
        ("image-classification", "preprocessor_config.json", "preprocessor_config.json is missing"),
    ],
)
def test_what_the_models_files_do_not_say_is_never_guessed(tmp_path: Path, task: str, spoil: str, words: str) -> None:
    model = text_model(tmp_path / "model")
    (model / spoil).unlink(missing_ok=True)
    with started(model, task, *TEXTS) as running:
        assert running.process.wait(30) == 3
        assert f"error: {words}" in running.end()


@pytest.mark.parametrize(
    ("modules", "settings", "words"),
    [
        (["Transformer", "Pooling", "Dense"], {"pooling_mode_cls_token": True}, "a module Dense"),
        (["Transformer", "Pooling"], {"pooling_mode_max_tokens": True}, "pooling 'max_tokens' is not served"),
        (
            ["Transformer", "Pooling"],
            {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
            "pooling 'cls_token+mean_tokens' is not served",
        ),
        (["Transformer"], {}, "pooling '' is not served"),
    ],
)
def test_vectors_that_are_made_otherwise_are_not_served(
    tmp_path: Path, modules: list[str], settings: dict[str, bool], words: str
) -> None:
    model = text_model(tmp_path / "model")
    paths = [{"type": f"sentence_transformers.models.{kind}", "path": "1_Pooling"} for kind in modules]
    write(model / "modules.json", paths)
    write(model / "1_Pooling" / "config.json", settings)
    with started(model, "feature-extraction", *TEXTS) as running:
        assert running.process.wait(30) == 3
        assert words in running.end()


def test_relatives_of_roberta_have_two_positions_less(tmp_path: Path) -> None:
    model = text_model(
        tmp_path / "model", config={"model_type": "roberta", "max_position_embeddings": 6, "pad_token_id": 1}
    )
    with started(model, "feature-extraction", *TEXTS, cores=1) as running:
        running.until(READY, 200)
        assert [one["shapes"][0] for one in running.traced()] == [[4, 2], [4, 4]]
        assert running.embed("the cat sat on a")[0] == 400


def test_images_are_classified(classifier: Running) -> None:
    status, answer = infer(classifier, [picture(), picture((0, 0, 255))])
    assert status == 200
    assert answer["id"] == "7"
    logits, label = answer["outputs"]
    expected = np.array([[1, 128 / 255, 0], [0, 0, 1]], "f4") @ HEAD
    assert logits["shape"] == [2, CLASSES]
    assert np.allclose(np.array(logits["data"]).reshape(2, CLASSES), expected, atol=1e-5)
    names = [LABELS[key] for key in sorted(LABELS, key=int)]
    assert label["data"] == [names[row.argmax()] for row in expected]


@pytest.mark.parametrize("binary", [False, True], ids=["numbers", "binary"])
def test_pixels_are_taken_as_they_are(classifier: Running, binary: bool) -> None:
    pixels = np.arange(2 * 3 * SIDE * SIDE, dtype="<f4").reshape(2, 3, SIDE, SIDE)
    tensor: dict[str, Any] = {"name": "pixel_values", "datatype": "FP32", "shape": list(pixels.shape)}
    raw = pixels.tobytes() if binary else b""
    tensor |= {"parameters": {"binary_data_size": len(raw)}} if binary else {"data": pixels.ravel().tolist()}
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))} if binary else {}
    status, answer = classifier.ask("/v2/models/m/infer", head + raw, headers)
    assert status == 200
    expected = pixels.mean((2, 3)) @ HEAD
    assert np.allclose(np.array(answer["outputs"][0]["data"]).reshape(2, CLASSES), expected, atol=1e-4)


@pytest.mark.parametrize(
    "tensor",
    [
        {"name": "image", "datatype": "BYTES", "shape": [1], "data": ["bm8gaW1hZ2U="]},
        {"name": "image", "datatype": "BYTES", "shape": [1], "data": ["%"]},
        {"name": "image", "datatype": "FP32", "shape": [1], "data": [1]},
        {"name": "text", "datatype": "BYTES", "shape": [1], "data": ["the cat"]},
        {"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, 9, 9], "data": []},
        {"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, SIDE, SIDE], "data": [1, 2]},
        {"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, SIDE, SIDE], "data": [float("nan")] * 12},
        {"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, SIDE, SIDE], "data": ["x"] * 12},
        {"name": "pixel_values", "datatype": "FP32", "shape": [0, 3, SIDE, SIDE], "data": []},
        {"name": "pixel_values", "datatype": "FP32", "shape": ["1", 3, SIDE, SIDE], "data": [1] * 12},
        {"name": "pixel_values", "datatype": "FP32", "shape": [10**30, 3, SIDE, SIDE], "data": [1] * 12},
        {"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, SIDE, SIDE], "data": [10**400] * 12},
        {"name": "pixel_values", "datatype": "FP32", "shape": [1, 3, SIDE, SIDE], "data": [1] * 12, "parameters": [1]},
    ],
)
def test_what_is_no_image_is_refused(classifier: Running, tensor: dict[str, Any]) -> None:
    status, answer = classifier.ask("/v2/models/m/infer", {"inputs": [tensor]})
    assert status == 400
    assert isinstance(answer["error"], str)


def test_more_images_than_ever_find_room_are_not_worth_another_try(classifier: Running) -> None:
    tensor = {"name": "pixel_values", "datatype": "FP32", "shape": [513, 3, SIDE, SIDE], "data": [1] * 513 * 12}
    status, answer = classifier.ask("/v2/models/m/infer", {"inputs": [tensor]})
    assert (status, answer["error"]) == (400, "a request has at most 512 inputs")


def test_few_images_are_unpacked_at_once_however_many_are_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = [0], [0], threading.Lock()

    def processor(_image: Any, **_more: Any) -> Any:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.05)
        with lock:
            running[0] -= 1
        return {"pixel_values": [np.zeros((3, SIDE, SIDE), "<f4")]}

    loader = SimpleNamespace(from_pretrained=lambda *_given, **_more: processor)
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(AutoImageProcessor=loader))
    images = Images(image_model(tmp_path / "model"))
    with ThreadPoolExecutor(3 * DECODED_AT_ONCE) as threads:
        found = list(threads.map(images.item, [picture()] * 3 * DECODED_AT_ONCE))
    assert len(found) == 3 * DECODED_AT_ONCE
    assert most[0] == DECODED_AT_ONCE


def test_an_image_of_more_pixels_than_it_is_worth_is_refused_before_it_is_unpacked(classifier: Running) -> None:
    file = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    assert len(file.getvalue()) < 100_000
    status, answer = infer(classifier, [base64.b64encode(file.getvalue()).decode()])
    assert status == 400
    assert "50,000,000 pixels" in answer["error"]


def test_texts_are_classified(tmp_path: Path) -> None:
    model = text_model(tmp_path / "model")
    with started(model, "text-classification", *TEXTS) as running:
        running.until(READY, 200)
        status, answer = infer(running, ["the cat", "a mat"], "text")
        assert status == 200
        rows = [EMBEDDING[[WORDS.index(word) for word in text.split()]].sum(0) for text in ("the cat", "a mat")]
        found = np.array(answer["outputs"][0]["data"]).reshape(2, CLASSES)
        assert np.allclose(found, np.array(rows) @ TEXT_HEAD, atol=1e-5)


def test_callers_beyond_the_connections_are_turned_away_until_others_have_gone(embedder: Running) -> None:
    with contextlib.ExitStack() as links:
        for _link in range(8 + 64):
            links.enter_context(socket.create_connection(("127.0.0.1", embedder.port), timeout=20))
        time.sleep(0.3)
        assert embedder.ask(LIVE)[0] == 0
    embedder.until(READY, 200)


def test_threads_that_ask_meanwhile_get_their_own_answers(embedder: Running) -> None:
    wrong: list[str] = []

    def ask(text: str) -> None:
        for _time in range(10):
            status, answer = embedder.embed(text)
            if status != 503 and not np.allclose(answer["data"][0]["embedding"], vector(text), atol=1e-6):
                wrong.append(text)

    threads = [threading.Thread(target=ask, args=(text,)) for text in ("the", "cat sat", "a mat", "the cat sat on")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
