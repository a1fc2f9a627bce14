"""A repository of the hub: revisions, lists of files, tokens, and answers that are not what they should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_server import COMMIT, REPOSITORY, TOKEN, Server, hub_environment, serve

from ai_on_eks.descriptors.describe import describe, describe_place
from ai_on_eks.descriptors.remote import hub
from ai_on_eks.descriptors.remote.opening import open_remote
from ai_on_eks.descriptors.remote.paths import RemotePath
from ai_on_eks.errors import InputError, Problem

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

CONFIG = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16", "vocab_size": 1000,
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 2048,
}  # fmt: skip
API = f"/api/models/{REPOSITORY}"
TREE = f"{API}/tree/"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    folder = tmp_path / "My-Model"
    (folder / "onnx").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "model.safetensors").write_bytes(bytes(1000))
    (folder / "onnx" / "model.onnx").write_bytes(bytes(10))
    return Server(folder)


def place(server: Server, source: str = "hf://org/My-Model", **environment: str) -> RemotePath:
    return open_remote(source, hub_environment(server, **environment), sleep=lambda _: None)


def refused(server: Server, source: str = "hf://org/My-Model", **environment: str) -> Problem:
    with serve(server), pytest.raises(InputError) as caught:
        describe_place(place(server, source, **environment))
    (problem,) = caught.value.problems
    assert TOKEN not in str(caught.value)
    return problem


def test_given_the_command_of_a_user_when_run_then_commit_and_config_are_written(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(server):
        for name, value in hub_environment(server).items():
            monkeypatch.setenv(name, value)
        found = describe("hf://org/My-Model").descriptor
    assert (found.name, found.source.uri, found.source.revision) == ("my-model", "hf://org/My-Model", COMMIT)
    paths = [one.path for one in server.requests]
    assert paths == [f"{API}/revision/main", f"{TREE}{COMMIT}", f"/{REPOSITORY}/resolve/{COMMIT}/config.json"]


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/3", COMMIT])
def test_given_a_revision_when_described_then_the_commit_it_means_is_pinned(revision: str, server: Server) -> None:
    server.revisions = (revision,)
    with serve(server):
        found = describe_place(place(server, f"hf://org/My-Model@{revision}")).descriptor
    assert found.source.revision == COMMIT


def test_given_a_long_list_of_files_when_described_then_every_page_is_read_from_the_same_server(server: Server) -> None:
    server.page_size = 1
    with serve(server):
        repository = place(server)
    assert repository.names() == ["config.json", "model.safetensors", "onnx"]
    assert len([one for one in server.requests if one.path.startswith(TREE)]) == 4


def test_given_more_pages_than_a_model_has_when_described_then_it_ends(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers[TREE] = b"[]"
    server.headers[TREE] = {"Link": '<https://hub.example/?cursor=1>; rel="next"'}
    assert refused(server).code == "too-many-files"
    server.answers.clear()
    server.headers.clear()
    monkeypatch.setattr(hub, "MAX_ENTRIES", 3)
    assert refused(server).code == "too-many-files"


def test_given_a_next_page_without_a_cursor_when_described_then_its_address_is_not_followed(server: Server) -> None:
    server.headers[TREE] = {"Link": '<https://hub.example/other>; rel="next"'}
    problem = refused(server)
    assert (problem.code, "goes on at a place" in problem.message) == ("remote-answer-invalid", True)


def test_given_a_model_that_is_not_there_when_described_then_name_or_revision_is_doubted(server: Server) -> None:
    assert refused(server, "hf://org/other").code == "remote-not-found"
    problem = refused(server, "hf://org/My-Model@v9")
    assert (problem.code, "'v9'" in problem.message) == ("remote-not-found", True)


def test_given_a_file_that_is_not_in_the_repository_when_described_then_it_is_named(server: Server) -> None:
    problem = refused(server, "hf://org/My-Model/other.gguf")
    assert (problem.code, problem.file) == ("file-not-found", "hf://org/My-Model/other.gguf")


def test_given_a_folder_of_a_repository_when_described_then_the_repository_is_to_be_named(server: Server) -> None:
    problem = refused(server, "hf://org/My-Model/onnx")
    assert (problem.code, "repository" in (problem.fix or "")) == ("source-not-supported", True)


def test_given_a_repository_of_weight_files_alone_when_described_then_one_is_proposed(server: Server) -> None:
    (server.folder / "config.json").unlink()
    problem = refused(server)
    assert (problem.code, problem.fix) == (
        "source-not-supported", "name one of its weight files, such as hf://org/My-Model/model.safetensors"
    )  # fmt: skip


def test_given_a_gated_model_when_described_then_the_token_is_sent_and_never_shown(server: Server) -> None:
    server.needs_token = True
    problem = refused(server)
    assert (problem.code, "terms" in problem.message, "HF_TOKEN" in (problem.fix or "")) == (
        "remote-unauthorized", True, True
    )  # fmt: skip
    assert refused(server, HF_TOKEN="hf_another").code == "remote-unauthorized"  # noqa: S106 - of no account
    with serve(server):
        found = place(server, HF_TOKEN=TOKEN)
        assert describe_place(found).descriptor.source.revision == COMMIT
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    "answer", [b"", b"nothing", b"[]", b"{}", b'{"sha": 1}', b'{"sha": "main"}', b"\xff", b"[" * 50_000]
)
def test_given_no_commit_when_described_then_the_answer_is_refused(answer: bytes, server: Server) -> None:
    server.answers[f"{API}/revision/"] = answer
    assert refused(server).code == "remote-answer-invalid"


def edited(**values: object) -> Callable[[dict[str, object]], None]:
    return lambda entry: entry.update(values)


@pytest.mark.parametrize(
    "values",
    [
        {"size": None}, {"size": -1}, {"size": 2**63}, {"size": True}, {"size": "1"},
        {"oid": None}, {"oid": "abc"}, {"path": None}, {"lfs": {}}, {"lfs": {"oid": "x"}}, {"lfs": []},
    ],
    ids=str,
)  # fmt: skip
def test_given_a_broken_entry_when_described_then_the_list_is_refused(
    values: dict[str, object], server: Server
) -> None:
    server.edit_entry = edited(**values)
    assert refused(server).code == "remote-answer-invalid"


@pytest.mark.parametrize("answer", [b"{}", b'["config.json"]', b"null"])
def test_given_no_list_of_files_when_described_then_the_answer_is_refused(answer: bytes, server: Server) -> None:
    server.answers[TREE] = answer
    assert refused(server).code == "remote-answer-invalid"


@pytest.mark.parametrize("path", ["../config.json", "a//config.json", "/config.json", "a\\config.json", "a\nb"])
def test_given_a_path_that_leads_elsewhere_when_described_then_there_is_no_such_file(path: str, server: Server) -> None:
    server.edit_entry = edited(path=path)
    with serve(server):
        assert place(server).names() == []


@pytest.mark.parametrize("large", [None, {"oid": "0" * 64, "size": 1}])
def test_given_another_content_than_was_listed_when_described_then_it_is_refused(large: object, server: Server) -> None:
    server.edit_entry = edited(oid="0" * 40, lfs=large)
    problem = refused(server)
    assert (problem.code, problem.file) == ("remote-answer-invalid", "hf://org/My-Model/config.json")


def test_given_more_bytes_than_were_listed_when_described_then_no_more_are_read(server: Server) -> None:
    server.edit_entry = edited(size=4)
    assert refused(server).code == "remote-answer-invalid"


def test_given_a_config_beyond_the_limit_when_described_then_it_is_not_asked_for(server: Server) -> None:
    server.edit_entry = edited(size=9 * 2**20)
    assert refused(server).code == "file-too-large"
    assert all("/resolve/" not in one.path for one in server.requests)
