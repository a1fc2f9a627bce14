"""Every mistake of a file at once, each with code, line, path, value, what is allowed and the smallest fix."""

# ruff: noqa: E501 - one mistake per line makes the table readable

from __future__ import annotations

from pathlib import Path

import pytest

from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.quantities import translate
from ai_on_eks.errors import InputError, Problem

HEAD = """\
name: m
kind: foundation
source: {uri: hf://a/b, format: safetensors}
architecture: {family: transformer, parameters: 7000000000}
"""
EMBEDDING = HEAD.replace("foundation", "embedding")
CNN = """\
name: m
kind: task-specific
source: {uri: hf://a/b, format: onnx}
architecture: {family: cnn, parameters: 25000000}
"""
BERT = """\
name: m
kind: embedding
source: {uri: hf://a/b, format: safetensors}
architecture:
  family: transformer
  config:
    model_type: bert
    hidden_size: 1024
    intermediate_size: 4096
    num_hidden_layers: 24
    num_attention_heads: 16
    vocab_size: 30522
    max_position_embeddings: 512
"""
PLATFORM = """\
name: p
region: eu-west-1
network: {availability_zones: [eu-west-1a, eu-west-1b]}
"""


def problems_of(text: str, folder: Path, *, platform: bool = False) -> list[Problem]:
    path = folder / "file.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        (load_platform if platform else load_descriptor)(path)
    assert caught.value.exit_code == 4
    for problem in caught.value.problems:
        assert problem.file == str(path)
        assert problem.line is not None
        assert problem.fix
        assert not problem.message.endswith(".")
        assert problem.message[0] == "'" or not problem.message[0].isupper()
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "code", "line", "path", "fix"),
    [
        (HEAD + "precsion: {weights: bf16}\n", "unknown-key", 5, "precsion", "write 'precision' instead of 'precsion'"),
        (HEAD + "concurrency: 4\n", "unknown-key", 5, "concurrency", "move it to 'serving.concurrency'"),
        (HEAD + "serving: {batch_size: 4}\n", "unknown-key", 5, "serving.batch_size", "write 'batch' instead of 'batch_size'"),
        (HEAD.replace("kind: foundation\n", ""), "missing-field", 1, "kind", "add 'kind: foundation'"),
        (HEAD.replace(", format: safetensors", ""), "missing-field", 3, "source.format", "add 'format: safetensors' under 'source'"),
        (HEAD.replace("foundation", "foundatoin"), "not-allowed", 2, "kind", "write foundation"),
        (HEAD + "storage: 3\n", "not-allowed", 5, "storage", "write one of s3, fsx, efs, node"),
        (HEAD + "serving: {concurrency: 0}\n", "out-of-range", 5, "serving.concurrency", "write at least 1"),
        (HEAD + "serving: {memory_fraction: 1.5}\n", "out-of-range", 5, "serving.memory_fraction", "write less than 1"),
        (HEAD + "serving: {concurrency: 8.0}\n", "wrong-type", 5, "serving.concurrency", "write 8"),
        (HEAD + "serving: {concurrency: '8'}\n", "wrong-type", 5, "serving.concurrency", "write 8 without quotes"),
        (HEAD + "serving: {context_tokens: 16_384}\n", "wrong-type", 5, "serving.context_tokens", "write 16384"),
        (HEAD + "serving: {context_tokens: 16 384}\n", "wrong-unit", 5, "serving.context_tokens", "write 16384"),
        (HEAD.replace("7000000000", "8.03B"), "wrong-unit", 4, "architecture.parameters", "write 8030000000"),
        (HEAD.replace("7000000000", "8 billion"), "wrong-unit", 4, "architecture.parameters", "write 8000000000"),
        (HEAD.replace("7000000000", "1e30"), "wrong-type", 4, "architecture.parameters", "write a whole number"),
        (HEAD.replace("name: m", "name:"), "wrong-type", 1, "name", "write text"),
        (HEAD.replace("name: m", "name: Llama"), "bad-pattern", 1, "name", "write llama"),
        (HEAD + "precision: {weights: torch.float16}\n", "not-allowed", 5, "precision.weights", "write fp16"),
        (HEAD + "schema: 2\n", "not-allowed", 5, "schema", "write v1"),
        (HEAD + "constraints: {accelerators: [~]}\n", "wrong-type", 5, "constraints.accelerators[0]", "write text"),
        (HEAD + "constraints: {accelerators: [H100]}\n", "bad-pattern", 5, "constraints.accelerators[0]", "write h100"),
        (HEAD + "serving: {concurrency: no}\n", "wrong-type", 5, "serving.concurrency", "write a number"),
        (HEAD + "serving: {concurrency: true}\n", "wrong-type", 5, "serving.concurrency", "write a whole number"),
        (HEAD + "serving: 3\n", "wrong-type", 5, "serving", "write a mapping"),
        (HEAD + "serving:\n", "wrong-type", 5, "serving", "write a mapping, or remove the key to get its default"),
        (HEAD + "task: 3\n", "wrong-type", 5, "task", "put it in quotes: '3'"),
        (HEAD + "constraints: {accelerators: cpu}\n", "wrong-type", 5, "constraints.accelerators", "write [cpu]"),
        (HEAD + "constraints: {accelerators: [cpu, 3]}\n", "wrong-type", 5, "constraints.accelerators[1]", "put it in quotes: '3'"),
        (HEAD + "serving:\n  context_tokens: 16k\n", "wrong-unit", 6, "serving.context_tokens", "write 16000 or 16384"),
        (HEAD + "serving: {context_tokens: 16Ki}\n", "wrong-unit", 5, "serving.context_tokens", "write 16384"),
        (HEAD + "serving: {targets: {ttft_ms: 2s}}\n", "wrong-unit", 5, "serving.targets.ttft_ms", "write 2000"),
        (HEAD + "constraints: {max_usd_per_hour: 5 $/h}\n", "wrong-unit", 5, "constraints.max_usd_per_hour", "write 5"),
        (HEAD.replace("7000000000", "7B"), "wrong-unit", 4, "architecture.parameters", "write 7000000000"),
        (HEAD.replace("name: m", "name: My Model"), "bad-pattern", 1, "name", None),
        (HEAD.replace("hf://a/b", "hf://a/$(b)"), "bad-pattern", 3, "source.uri", None),
        (HEAD.replace("hf://a/b", "hf://a/b, file: ../../etc/passwd"), "bad-pattern", 3, "source.file", None),
        (HEAD.replace("hf://a/b", "hf://a/b, revision: ../x"), "bad-pattern", 3, "source.revision", None),
        (HEAD.replace("transformer, parameters: 7000000000", "transformer"), "architecture-incomplete", 4, "architecture", None),
        (BERT + "  parameters: 7\n", "contradiction", 14, "architecture.parameters", "remove 'parameters'"),
        (HEAD.replace("transformer", "cnn"), "contradiction", 2, "kind", "write kind: embedding"),
        (CNN + "precision: {weights: bf16}\n", "contradiction", 5, "precision.weights", "write one of fp32, fp16, int8, as the file was exported"),
        (HEAD.replace("safetensors", "gguf"), "scheme-required", 1, "precision", None),
        (HEAD.replace("safetensors", "gguf") + "precision: {weights: int4}\n", "scheme-required", 5, "precision", None),
        (HEAD + "precision: {weights: int4, scheme: 'gguf:q4_0'}\n", "contradiction", 5, "precision.scheme", None),
        (HEAD + "precision: {weights: bf16, scheme: awq}\n", "contradiction", 5, "precision.weights", "write int4"),
        (HEAD.replace("safetensors", "onnx"), "precision-required", 1, "precision", "add 'precision: {weights: fp32}'"),
        (HEAD + "serving: {targets: {items_per_second: 1}}\n", "target-not-applicable", 5, "serving.targets.items_per_second", None),
        (EMBEDDING + "serving: {targets: {tpot_ms: 1}}\n", "target-not-applicable", 5, "serving.targets.tpot_ms", None),
        (CNN + "serving: {context_tokens: 4}\n", "contradiction", 5, "serving.context_tokens", "remove 'context_tokens'"),
        (BERT + "serving: {context_tokens: 513}\n", "out-of-range", 14, "serving.context_tokens", "write 512"),
        (BERT.replace("kind: embedding", "kind: foundation"), "contradiction", 2, "kind", "write embedding"),
        (BERT.replace("transformer", "cnn"), "contradiction", 5, "architecture.family", "write transformer"),
        (BERT.replace("    vocab_size: 30522\n", ""), "missing-hyperparameter", 6, "architecture.config.vocab_size", "add 'vocab_size' from the model's own config.json"),
        (BERT.replace("1024", "1000"), "contradiction", 11, "architecture.config.num_attention_heads", None),
        (BERT.replace("bert", "brt"), "unknown-architecture", 7, "architecture.config.model_type", None),
        ("[a]\n", "not-a-mapping", 1, None, "start with 'name: …'"),
        ("hello\n", "not-a-mapping", 1, None, None),
    ],
)  # fmt: skip
def test_given_one_mistake_when_loaded_then_one_problem_says_where_and_how_to_mend_it(
    text: str, code: str, line: int, path: str | None, fix: str | None, tmp_path: Path
) -> None:
    (problem,) = problems_of(text, tmp_path)
    assert (problem.code, problem.line, problem.path) == (code, line, path)
    if fix is not None:
        assert problem.fix == fix


def test_given_many_mistakes_when_loaded_then_all_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = HEAD.replace("foundation", "foundatoin") + "precsion: 1\nserving: {concurrency: 4k, bach: 1}\nstorage: fsx\n"
    found = [(problem.line, problem.code) for problem in problems_of(text, tmp_path)]
    assert found == [(2, "not-allowed"), (5, "unknown-key"), (6, "unknown-key"), (6, "wrong-unit")]


def test_given_a_misspelt_key_when_loaded_then_contradictions_elsewhere_are_still_told(tmp_path: Path) -> None:
    found = {
        problem.code for problem in problems_of(HEAD + "serving: {bach: 1, targets: {items_per_second: 3}}\n", tmp_path)
    }
    assert found == {"unknown-key", "target-not-applicable"}


def test_given_a_misspelt_required_key_when_loaded_then_it_is_one_mistake(tmp_path: Path) -> None:
    (problem,) = problems_of(HEAD.replace("kind:", "kindd:"), tmp_path)
    assert problem.code == "unknown-key"


def test_given_several_missing_hyperparameters_when_loaded_then_all_are_listed(tmp_path: Path) -> None:
    text = HEAD.replace("parameters: 7000000000", "config: {model_type: llama, hidden_size: 64}")
    names = {(problem.path or "").rpartition(".")[2] for problem in problems_of(text, tmp_path)}
    assert names == {
        "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size", "max_position_embeddings",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "path", "fix"),
    [
        (("eu-west-1b", "us-east-1b"), "zone-not-in-region", "network.availability_zones[1]", "write a zone such as eu-west-1a, or region: us-east-1"),
        (("eu-west-1b", "eu-west-1a"), "duplicate-value", "network.availability_zones[1]", "name another zone"),
        (("[eu-west-1a, eu-west-1b]", "[eu-west-1a]"), "out-of-range", "network.availability_zones", "write at least 2 entries"),
        (("[eu-west-1a, eu-west-1b]", "[eu-west-1a, eu-west-1b], cidr: 10.0.0.0/8"), "out-of-range", "network.cidr", "write 10.0.0.0/16"),
        (("[eu-west-1a, eu-west-1b]", "[eu-west-1a, eu-west-1b], cidr: 10.0.0.1/16"), "bad-range", "network.cidr", "write 10.0.0.0/16"),
        (("name: p\n", "name: p\ncluster: {public_access_cidrs: [0.0.0.0/0]}\n"), "open-to-the-internet", "cluster.public_access_cidrs[0]", None),
        (("name: p\n", "name: p\ncluster: {public_access_cidrs: [300.0.0.0/8]}\n"), "bad-range", "cluster.public_access_cidrs[0]", None),
        (("name: p\n", "name: p\ncluster: {kubernetes_version: 1.36}\n"), "wrong-type", "cluster.kubernetes_version", "put it in quotes: '1.36'"),
        (("name: p\n", "name: p\ncluster: {kubernetes_version: 1.30}\n"), "wrong-type", "cluster.kubernetes_version", "put it in quotes: '1.30'"),
        (("name: p\n", "name: p\naccount: 012345678901\n"), "wrong-type", "account", "put it in quotes: '012345678901'"),
        (("name: p\n", "name: p\naccount: 111122223333\n"), "wrong-type", "account", "put it in quotes: '111122223333'"),
        (("name: p\n", "name: p\ntags: {'aws:x': y}\n"), "bad-tag", "tags.aws:x", "choose another prefix"),
        (("name: p\n", "name: p\ntags: {x: \"a\\tb\"}\n"), "bad-tag", "tags.x", None),
        (("network: {availability_zones: [eu-west-1a, eu-west-1b]}\n", ""), "missing-field", "network", "add 'network: {availability_zones: [us-east-1a, us-east-1b]}'"),
    ],
)  # fmt: skip
def test_given_a_faulty_platform_when_loaded_then_the_problem_is_named(
    change: tuple[str, str], code: str, path: str, fix: str | None, tmp_path: Path
) -> None:
    (problem,) = problems_of(PLATFORM.replace(*change), tmp_path, platform=True)
    assert (problem.code, problem.path) == (code, path)
    if fix is not None:
        assert problem.fix == fix


def test_given_a_config_path_when_loaded_then_its_hyperparameters_become_the_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"model_type": "resnet", "embedding_size": 64, "depths": [3, 4, 6, 3], '
        '"hidden_sizes": [256, 512, 1024, 2048], "num_labels": 1000}'
    )
    path = tmp_path / "m.yaml"
    path.write_text(CNN.replace("parameters: 25000000", "config: config.json"))
    config = load_descriptor(path).architecture.config
    assert isinstance(config, dict)
    assert config["depths"] == [3, 4, 6, 3]


@pytest.mark.parametrize(
    ("content", "code"),
    [("[1]", "not-a-mapping"), ('{"model_type": "resnet"}', "missing-hyperparameter")],
)
def test_given_a_faulty_config_file_when_loaded_then_the_problem_names_that_file(
    content: str, code: str, tmp_path: Path
) -> None:
    (tmp_path / "c.json").write_text(content)
    path = tmp_path / "m.yaml"
    path.write_text(CNN.replace("parameters: 25000000", "config: c.json"))
    with pytest.raises(InputError) as caught:
        load_descriptor(path)
    assert {problem.code for problem in caught.value.problems} == {code}
    assert {problem.file for problem in caught.value.problems} == {str(tmp_path / "c.json")}


@pytest.mark.parametrize(
    ("key", "written", "meant"),
    [
        ("context_tokens", "16k", (16000, 16384)),
        ("context_tokens", "16 K tokens", (16000, 16384)),
        ("context_tokens", "16,384", (16384,)),
        ("context_tokens", "1M", (1_000_000,)),
        ("context_tokens", "16GiB", ()),
        ("concurrency", "1k", (1000,)),
        ("concurrency", "12 requests", (12,)),
        ("ttft_ms", "500ms", (500,)),
        ("ttft_ms", "0.5 s", (500,)),
        ("ttft_ms", "2 seconds", (2000,)),
        ("ttft_ms", "1min", (60000,)),
        ("max_usd_per_hour", "$5", (5,)),
        ("max_usd_per_hour", "5 USD per hour", (5,)),
        ("max_usd_per_hour", "$120/day", (5,)),
        ("max_usd_per_hour", "730 $/month", (1,)),
        ("max_usd_per_hour", "5 €", ()),
        ("memory_fraction", "90%", (0.9,)),
        ("items_per_second", "50/s", (50,)),
        ("parameters", "7.5B", (7_500_000_000,)),
        ("parameters", "many", ()),
    ],
)
def test_given_a_number_with_a_unit_when_translated_then_its_meaning_is_known(
    key: str, written: str, meant: tuple[float, ...]
) -> None:
    assert translate(key, written) == meant


def test_given_a_decimal_for_a_count_when_loaded_then_it_is_shown_with_the_point_that_is_wrong(tmp_path: Path) -> None:
    (problem,) = problems_of(HEAD + "serving: {concurrency: 8.0}\n", tmp_path)
    assert problem.message == "8.0 is not a whole number"


def test_given_one_zone_when_loaded_then_one_entry_is_counted_in_the_singular(tmp_path: Path) -> None:
    text = PLATFORM.replace("[eu-west-1a, eu-west-1b]", "[eu-west-1a]")
    (problem,) = problems_of(text, tmp_path, platform=True)
    assert problem.message == "has 1 entry"


def test_given_a_config_that_is_not_there_when_loaded_then_the_descriptor_names_it_with_its_line(
    tmp_path: Path,
) -> None:
    (problem,) = problems_of(HEAD.replace("parameters: 7000000000", "config: absent/config.json"), tmp_path)
    assert (problem.code, problem.line, problem.path) == ("file-not-found", 4, "architecture.config")
    assert problem.message == "'absent/config.json': there is no such file"
    assert problem.file is not None
    assert problem.file.endswith(".yaml")


def test_given_a_tab_for_indentation_when_loaded_then_it_is_called_one(tmp_path: Path) -> None:
    (problem,) = problems_of(HEAD + "serving:\n\tconcurrency: 3\n", tmp_path)
    assert (problem.code, problem.line, problem.fix) == ("not-yaml", 6, "indent with blanks")
    assert problem.message == "is not YAML: a tab stands where only blanks indent"
