"""The images file: what is shipped, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.errors import InputError
from ai_on_eks.serving.images import load_images, unpinned_warnings

DIGEST = f"sha256:{'0123456789abcdef' * 4}"

TEMPLATE = """\
schema: v1
images:
  vllm:
    repository: {repository}
    tag: {tag}
    digest: {digest}
    verified: {verified}
    size_bytes: {size_bytes}
"""
VALID = {
    "repository": "docker.io/vllm/vllm-openai",
    "tag": "v0.33.0",
    "digest": "null",
    "verified": "null",
    "size_bytes": "1000",
}


def write(tmp_path: Path, **changes: str) -> Path:
    path = tmp_path / "images.yaml"
    path.write_text(TEMPLATE.format(**{**VALID, **changes}), encoding="utf-8")
    return path


def problem_lines(path: Path) -> list[tuple[int | None, str | None]]:
    with pytest.raises(InputError) as caught:
        load_images(path)
    assert all(problem.file == str(path) for problem in caught.value.problems)
    return [(problem.line, problem.path) for problem in caught.value.problems]


def test_given_the_packaged_file_then_every_engine_has_its_image() -> None:
    images = load_images(None)
    assert sorted(images) == [
        "endpoint-picker",
        "fine-tune",
        "llama-cpp",
        "llama-cpp-cuda",
        "neuron-monitor",
        "nxd-inference",
        "router-proxy",
        "sglang",
        "tei-100",
        "tei-80",
        "tei-86",
        "tei-89",
        "tei-90",
        "tei-cpu",
        "tensorflow-serving",
        "tensorflow-serving-cuda",
        "tensorrt-llm",
        "torch-neuronx",
        "triton",
        "vllm",
        "vllm-efa",
        "vllm-neuron",
        "vllm-omni",
        "vllm-ray",
        "weight-sync",
        "weights-fetch",
    ]
    assert images["vllm"].reference.startswith("docker.io/vllm/vllm-openai:v0.33.0")
    assert images["tei-80"].tag == "1.9"


def test_given_the_packaged_file_then_a_digest_and_its_day_come_together() -> None:
    for image in load_images(None).values():
        assert (image.digest is None) == (image.verified is None)


def test_given_a_digest_then_the_reference_holds_tag_and_digest(tmp_path: Path) -> None:
    (image,) = load_images(write(tmp_path, digest=DIGEST, verified='"2026-11-24"')).values()
    assert image.reference == f"docker.io/vllm/vllm-openai:v0.33.0@{DIGEST}"
    assert (image.key, image.verified, image.size_bytes) == ("vllm", "2026-11-24", 1000)
    assert unpinned_warnings([image]) == ()


def test_given_no_digest_then_the_image_is_called_unpinned(tmp_path: Path) -> None:
    (image,) = load_images(write(tmp_path)).values()
    assert image.reference == "docker.io/vllm/vllm-openai:v0.33.0"
    (warning,) = unpinned_warnings([image])
    assert "docker.io/vllm/vllm-openai:v0.33.0 is unpinned" in warning


@pytest.mark.parametrize(
    "host", ["ghcr.io", "localhost:5000", "127.0.0.1:5000", "123456789012.dkr.ecr.us-east-1.amazonaws.com"]
)
def test_given_a_registry_host_then_it_is_taken(tmp_path: Path, host: str) -> None:
    assert load_images(write(tmp_path, repository=f"{host}/team/image"))["vllm"].repository == f"{host}/team/image"


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("repository", "vllm/vllm-openai", 4),
        ("repository", "https://docker.io/vllm/vllm-openai", 4),
        ("repository", "docker.io/VLLM/openai", 4),
        ("repository", "docker.io", 4),
        ("repository", '"docker.io/a/../b"', 4),
        ("repository", '"user:secret@docker.io/a/b"', 4),
        ("tag", "latest", 5),
        ("tag", "Latest", 5),
        ("tag", "nightly", 5),
        ("tag", '""', 5),
        ("tag", "null", 5),
        ("tag", "1.9", 5),
        ("tag", '"v1@sha256:00"', 5),
        ("digest", "sha256:00", 6),
        ("digest", f"sha512:{'a' * 64}", 6),
        ("digest", f"sha256:{'A' * 64}", 6),
        ("verified", "yesterday", 7),
        ("verified", '"2026-13-01"', 7),
        ("size_bytes", "0", 8),
        ("size_bytes", "8.8", 8),
        ("size_bytes", '"8 GB"', 8),
    ],
)
def test_given_a_malformed_value_then_its_line_and_path_are_named(
    tmp_path: Path, field: str, value: str, line: int
) -> None:
    assert (line, f"images.vllm.{field}") in problem_lines(write(tmp_path, **{field: value}))


def test_given_a_floating_tag_then_the_message_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'latest' names no release"):
        load_images(write(tmp_path, tag="latest"))


def test_given_a_digest_without_its_day_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="digest and verified are given together or are both null"):
        load_images(write(tmp_path, digest=DIGEST))


def test_given_two_mistakes_then_both_are_told(tmp_path: Path) -> None:
    found = problem_lines(write(tmp_path, tag="latest", size_bytes="-1"))
    assert found == [(5, "images.vllm.tag"), (8, "images.vllm.size_bytes")]


def test_given_an_unknown_key_then_the_nearest_known_one_is_offered(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("digest:", "digset:"), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_images(path)
    texts = [str(problem) for problem in caught.value.problems]
    assert any("digset" in text and "digest" in text for text in texts)


def test_given_a_missing_field_then_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("    digest: null\n", ""), encoding="utf-8")
    with pytest.raises(InputError, match="digest"):
        load_images(path)


def test_given_no_image_at_all_then_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.yaml"
    path.write_text("schema: v1\nimages: {}\n", encoding="utf-8")
    assert problem_lines(path) == [(2, "images")]


def test_given_no_file_then_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        load_images(tmp_path / "nowhere.yaml")
