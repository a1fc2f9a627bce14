"""What may be named, and where hub and token are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.descriptors.describe import describe
from ai_on_eks.descriptors.remote.address import HubAddress, WebAddress, parse_address
from ai_on_eks.descriptors.remote.opening import open_remote
from ai_on_eks.descriptors.remote.settings import ENDPOINT, HubSettings, hub_settings
from ai_on_eks.errors import InputError, Problem

TOKEN = "hf_of-the-test"  # noqa: S105 - of no account


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("hf://org/name", HubAddress("org/name", "main", "")),
        ("hf://org/name/", HubAddress("org/name", "main", "")),
        ("hf://org/Name-1.5_x@v1.0", HubAddress("org/Name-1.5_x", "v1.0", "")),
        ("hf://org/name@refs/pr/7", HubAddress("org/name", "refs/pr/7", "")),
        ("hf://org/name@refs/pr/7/m.gguf", HubAddress("org/name", "refs/pr/7", "m.gguf")),
        ("hf://org/name@feature%2Fx/m.gguf", HubAddress("org/name", "feature/x", "m.gguf")),
        ("hf://org/name/onnx/model.onnx", HubAddress("org/name", "main", "onnx/model.onnx")),
        ("https://host/m.gguf", WebAddress("https://host", "m.gguf")),
        ("https://host:8443/a%20b/m%201.gguf", WebAddress("https://host:8443/a%20b", "m 1.gguf")),
    ],
)
def test_given_an_address_then_its_parts_are_told(source: str, address: object) -> None:
    assert parse_address(source) == address


@pytest.mark.parametrize(
    "source",
    [
        "hf://", "hf://name", "hf://org/", "hf://org/..", "hf://../name", "hf://org/name@", "hf://org/name@a b",
        "hf://org/name@..", "hf://org/name/../x", "hf://org/name//x", "hf://org/name/a\\b", "hf://org/name\n",
        "hf://org/na me", "hf://org/name@a@b", "hf://org/name?x=1", "hf://org/name@" + "a" * 65,
        "http://host/m.gguf", "https://", "https://host", "https://host/", "https:///m.gguf", "https://host//m.gguf",
        "https://host/a/../m.gguf", "https://[/m.gguf", "https://host/a b/m.gguf", "https://host/" + "a" * 600,
    ],
)  # fmt: skip
def test_given_what_is_no_address_then_the_forms_are_shown(source: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_address(source)
    (problem,) = caught.value.problems
    assert (problem.code, "hf://org/name" in (problem.fix or "")) == ("remote-address-invalid", True)
    assert str(problem).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "source",
    [
        "https://me:secret@host/m.gguf",
        "https://host/m.gguf?signature=secret",
        "https://host/m.gguf#secret",
        "http://me:secret@host/m.gguf",
        "https://me:secret@host/m\n.gguf",
    ],
)
def test_given_an_address_with_a_secret_then_it_is_refused_and_not_repeated(source: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_address(source)
    assert caught.value.problems[0].code == "remote-address-invalid"
    assert "secret" not in str(caught.value)


def test_given_nothing_then_the_hub_is_asked_as_nobody(tmp_path: Path) -> None:
    assert hub_settings({"HF_HOME": str(tmp_path)}) == HubSettings(ENDPOINT, None)


def test_given_tokens_in_several_places_then_the_order_is_that_of_the_hubs_own_client(tmp_path: Path) -> None:
    (tmp_path / "huggingface").mkdir()
    (tmp_path / "huggingface" / "token").write_text("of-the-cache\n")
    (tmp_path / "token").write_text("of-home")
    (tmp_path / "own").write_text("of-path")
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    places = {
        "HF_HOME": tmp_path, "HF_TOKEN_PATH": tmp_path / "own", "HUGGING_FACE_HUB_TOKEN": "of-old-variable",
        "HF_TOKEN": " of-variable\n",
    }  # fmt: skip
    found = [hub_settings(environment).token]
    for name, value in places.items():
        environment[name] = str(value)
        found.append(hub_settings(environment).token)
    environment |= {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    found.append(hub_settings(environment).token)
    assert found == ["of-the-cache", "of-home", "of-path", "of-old-variable", "of-variable", None]


@pytest.mark.parametrize("text", ["two words", "a\r\nX-Header: y", "tök", "a\0b"])
def test_given_a_token_that_is_none_then_it_is_not_shown(text: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(text)
    for environment in ({"HF_TOKEN": text}, {"HF_HOME": str(tmp_path)}):
        with pytest.raises(InputError) as caught:
            hub_settings(environment)
        assert caught.value.problems[0].code == "remote-token-invalid"
        assert text not in str(caught.value)


def test_given_an_empty_token_file_then_there_is_no_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    assert hub_settings({"HF_HOME": str(tmp_path), "HF_TOKEN": ""}).token is None


def test_given_settings_when_printed_then_the_token_is_not() -> None:
    assert TOKEN not in repr(hub_settings({"HF_TOKEN": TOKEN}))


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("https://hub.example/", "https://hub.example"),
        ("https://hub.example/api/hub", "https://hub.example/api/hub"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("", ENDPOINT),
    ],
)
def test_given_an_endpoint_then_it_is_asked(given: str, endpoint: str) -> None:
    assert hub_settings({"HF_ENDPOINT": given, "HF_TOKEN": TOKEN}).endpoint == endpoint


@pytest.mark.parametrize(
    "given", ["http://hub.example", "hub.example", "ftp://x", "https://", "https://u:p@hub.example", "https://h?x", "https://["]
)  # fmt: skip
def test_given_an_endpoint_that_a_token_must_not_be_sent_to_then_it_is_refused(given: str) -> None:
    with pytest.raises(InputError) as caught:
        hub_settings({"HF_ENDPOINT": given, "HF_TOKEN": TOKEN})
    assert caught.value.problems[0].code == "remote-address-invalid"


def problem_of(source: str, environment: dict[str, str]) -> Problem:
    with pytest.raises(InputError) as caught:
        open_remote(source, environment)
    return caught.value.problems[0]


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
@pytest.mark.parametrize("source", ["hf://org/name", "https://host/m.gguf"])
def test_given_a_user_who_is_offline_then_nothing_is_asked_and_a_folder_is_proposed(source: str, variable: str) -> None:
    problem = problem_of(source, {variable: "1"})
    assert (problem.code, problem.file) == ("remote-unreachable", source)
    assert "folder" in (problem.fix or "")


@pytest.mark.parametrize("source", ["s3://bucket/prefix", "gs://bucket/x", "file:///x"])
def test_given_another_scheme_then_what_is_read_is_told(source: str) -> None:
    with pytest.raises(InputError, match="hf://org/name") as caught:
        describe(source)
    assert caught.value.problems[0].code == "source-not-supported"
