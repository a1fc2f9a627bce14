"""The program that copies weights from the hub into the store, against a hub and an S3 in this process."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from hub_server import COMMIT, REPOSITORY, TOKEN, Server, serve
from moto import mock_aws

from ai_on_eks.descriptors.schema import Format
from ai_on_eks.programs import weight_sync
from ai_on_eks.programs.weight_sync import EXIT_AGAIN, EXIT_DONE, EXIT_FINAL, FinalError, HubFile, chosen

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

BUCKET = "weights"
PREFIX = f"models/llama/{COMMIT}"
PART = 5 * 2**20
"""The least that S3 takes for a part that is not the last."""

CONTENTS = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}" * 100,
    "model-00001-of-00002.safetensors": bytes(range(256)) * (3 * PART // 256 - 7),
    "model-00002-of-00002.safetensors": b"second" * 1000,
    "pytorch_model.bin": b"\x80\x04 would run code",
    "consolidated.safetensors": b"the same once more",
    "modeling_llama.py": b"print('code')",
    "README.md": b"words",
    ".gitattributes": b"*.safetensors filter=lfs",
}
COPIED = (
    "config.json",
    "tokenizer.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
)


class _Killed(BaseException):
    """As the kernel would end the process: no handler of the program expects it."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "hub"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)

    def announce(entry: dict[str, Any]) -> None:
        if "lfs" in entry:
            entry["lfs"]["oid"] = hashlib.sha256((folder / str(entry["path"])).read_bytes()).hexdigest()

    server = Server(folder, edit_entry=announce)
    with serve(server):
        yield server


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, hub: Server) -> Iterator[Any]:
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(weight_sync, "pause", lambda attempt: 0.0)
    monkeypatch.setattr(weight_sync.Store.__init__, "__defaults__", (PART,))
    before = signal.getsignal(signal.SIGTERM)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client
    signal.signal(signal.SIGTERM, before)


def run(*more: str) -> int:
    return weight_sync.main(
        ["--repository", REPOSITORY, "--revision", COMMIT, "--bucket", BUCKET, "--prefix", PREFIX,
         "--format", "safetensors", *more]
    )  # fmt: skip


def stored(client: Any) -> dict[str, bytes]:
    found = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {one["Key"]: client.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found}


def expected() -> dict[str, bytes]:
    return {f"{PREFIX}/{name}": CONTENTS[name] for name in COPIED}


def files_of(found: dict[str, bytes]) -> dict[str, bytes]:
    return {key: body for key, body in found.items() if key != f"{PREFIX}.files.json"}


def uploads(client: Any) -> list[str]:
    return [one["Key"] for one in client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]


def test_a_model_is_copied_without_pickles_code_or_doubles(hub: Server, store: Any) -> None:
    assert run() == EXIT_DONE
    found = stored(store)
    assert files_of(found) == expected()
    record = json.loads(found[f"{PREFIX}.files.json"])
    assert (record["repository"], record["revision"]) == (REPOSITORY, COMMIT)
    assert [file["path"] for file in record["files"]] == list(COPIED)
    large = record["files"][2]
    assert large["checksum"] == hashlib.sha256(CONTENTS[large["path"]]).hexdigest()
    head = store.head_object(Bucket=BUCKET, Key=f"{PREFIX}/{large['path']}")
    assert head["Metadata"] == {"checksum": large["checksum"]}
    assert len(hub.ranges("00001-of-00002.safetensors")) == 3


def test_a_second_run_reads_no_file_again(hub: Server, store: Any) -> None:
    assert run() == EXIT_DONE
    sent = hub.sent_bytes
    assert run() == EXIT_DONE
    assert hub.sent_bytes == sent
    assert files_of(stored(store)) == expected()


def test_a_killed_run_leaves_no_half_file_and_the_next_one_ends_it(
    hub: Server, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = weight_sync.Hub.part

    def killed(self: weight_sync.Hub, file: HubFile, start: int, length: int) -> bytes:
        if file.path.endswith("00001-of-00002.safetensors") and start > 0:
            raise _Killed
        return part(self, file, start, length)

    monkeypatch.setattr(weight_sync.Hub, "part", killed)
    with pytest.raises(_Killed):
        run()
    assert sorted(stored(store)) == [f"{PREFIX}/config.json", f"{PREFIX}/tokenizer.json"]
    assert uploads(store) == []
    monkeypatch.setattr(weight_sync.Hub, "part", part)
    before = len(hub.requests)
    assert run() == EXIT_DONE
    assert files_of(stored(store)) == expected()
    again = {request.path.rsplit("/", 1)[-1] for request in hub.requests[before:] if "/api/" not in request.path}
    assert again == {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}


def test_the_order_to_stop_gives_up_what_was_begun(hub: Server, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = weight_sync._digests

    def stopped(file: HubFile, bodies: Any) -> str:
        if file.path.startswith("model-00001"):
            os.kill(os.getpid(), signal.SIGTERM)
        return digests(file, bodies)

    monkeypatch.setattr(weight_sync, "_digests", stopped)
    with pytest.raises(SystemExit) as stop:
        run()
    assert stop.value.code == EXIT_AGAIN
    assert uploads(store) == []
    assert f"{PREFIX}/model-00001-of-00002.safetensors" not in stored(store)


@pytest.mark.parametrize("name", ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
def test_contents_that_differ_from_the_announced_checksum_never_appear(hub: Server, store: Any, name: str) -> None:
    announce = hub.edit_entry

    def other(entry: dict[str, Any]) -> None:
        announce(entry)
        if entry["path"] == name:
            entry["lfs"]["oid"] = "0" * 64

    hub.edit_entry = other
    assert run() == EXIT_FINAL
    assert f"{PREFIX}/{name}" not in stored(store)
    assert f"{PREFIX}.files.json" not in stored(store)
    assert uploads(store) == []


def test_a_small_file_is_compared_with_gits_own_checksum(hub: Server, store: Any) -> None:
    announce = hub.edit_entry

    def other(entry: dict[str, Any]) -> None:
        announce(entry)
        if entry["path"] == "config.json":
            entry["oid"] = "1" * 40

    hub.edit_entry = other
    assert run() == EXIT_FINAL
    assert stored(store) == {}


def test_an_object_of_the_same_size_that_nobody_verified_is_replaced(hub: Server, store: Any) -> None:
    name = "model-00002-of-00002.safetensors"
    store.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"x" * len(CONTENTS[name]))
    assert run() == EXIT_DONE
    assert files_of(stored(store)) == expected()


@pytest.mark.parametrize("fault", ["breaks off", "too short", "too long", "other range", "no range"])
def test_a_wrong_answer_is_never_stored_and_worth_another_try(hub: Server, store: Any, fault: str) -> None:
    hub.fault = fault
    assert run() == EXIT_AGAIN
    assert sorted(stored(store)) == [f"{PREFIX}/config.json", f"{PREFIX}/tokenizer.json"]
    hub.fault = None
    assert run() == EXIT_DONE
    assert files_of(stored(store)) == expected()


def test_a_hub_that_is_busy_for_a_moment_is_asked_again(hub: Server, store: Any) -> None:
    hub.failures = [503, 429, 500]
    assert run() == EXIT_DONE
    assert hub.failures == []


def test_no_access_is_final_and_the_token_opens_it(hub: Server, store: Any, tmp_path: Path) -> None:
    hub.needs_token = True
    assert run() == EXIT_FINAL
    assert stored(store) == {}
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    assert run("--token-file", str(token)) == EXIT_DONE
    to_cdn = [request.authorization for request in hub.requests if request.path.startswith("/files/")]
    assert to_cdn
    assert set(to_cdn) == {None}, "the token went where the hub redirects to"


def test_a_listing_in_pages_is_read_to_its_end(hub: Server, store: Any) -> None:
    hub.page_size = 3
    assert run() == EXIT_DONE
    assert files_of(stored(store)) == expected()


def file(path: str, size: int = 10) -> HubFile:
    return HubFile(path, size, "a" * 64, "b" * 40)


@pytest.mark.parametrize(
    "path", ["../up.json", "/etc/a.json", "a/../../b.json", "a b.json", "a$(X).json", ".git/config.json"]
)
def test_names_that_are_no_key_are_refused(path: str) -> None:
    with pytest.raises(FinalError, match="no name for a file"):
        chosen([file("model.safetensors"), file(path)], "safetensors")


def test_pickles_are_refused_where_safetensors_are_there() -> None:
    with pytest.raises(FinalError, match="pickles"):
        chosen([file("model.safetensors"), file("pytorch_model.bin")], "pytorch")
    assert [one.path for one in chosen([file("pytorch_model.bin")], "pytorch")] == ["pytorch_model.bin"]


def test_of_a_named_first_part_all_parts_are_copied_and_no_other_file_of_weights() -> None:
    files = [file(name) for name in ("a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "b.gguf", "config.json")]
    names = [one.path for one in chosen(files, "gguf", "a-00001-of-00002.gguf")]
    assert names == ["config.json", "a-00001-of-00002.gguf", "a-00002-of-00002.gguf"]


def test_of_a_named_onnx_file_its_tensors_come_along() -> None:
    files = [file(name) for name in ("onnx/model.onnx", "onnx/model.onnx_data", "onnx/model_fp16.onnx")]
    names = [one.path for one in chosen(files, "onnx", "onnx/model.onnx")]
    assert names == ["onnx/model.onnx", "onnx/model.onnx_data"]


def test_every_format_of_descriptors_has_files_to_copy() -> None:
    assert set(weight_sync.WEIGHTS) == {one.value for one in Format}


def test_a_repository_without_such_weights_is_told() -> None:
    with pytest.raises(FinalError, match=r"has no \*\.safetensors"):
        chosen([file("pytorch_model.bin")], "safetensors")


def test_weights_that_exist_under_a_second_name_alone_are_copied() -> None:
    assert [one.path for one in chosen([file("consolidated.safetensors")], "safetensors")] == [
        "consolidated.safetensors"
    ]
