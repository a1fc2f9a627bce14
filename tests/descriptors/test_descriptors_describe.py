"""A descriptor from a model's folder, and back from its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from test_descriptors_inventory import BERT, LLAMA, RESNET

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.describe import describe, describe_folder, to_yaml
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.schema import Format, Kind
from ai_on_eks.errors import InputError, Problem

RERANKER = BERT | {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForSequenceClassification"]}


def folder_of(config: dict[str, Any], folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def refused(source: str) -> Problem:
    with pytest.raises(InputError) as caught:
        describe(source)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("config", "names", "expected"),
    [
        (LLAMA | {"architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16"}, ["model-1-of-4.safetensors"],
         ("foundation", "text-generation", "safetensors", None, "bf16", None)),
        (LLAMA | {"dtype": "float16"}, ["pytorch_model.bin"],
         ("foundation", "text-generation", "pytorch", None, "fp16", None)),
        (LLAMA | {"quantization_config": {"quant_method": "awq", "bits": 4}}, ["model.safetensors"],
         ("foundation", "text-generation", "safetensors", None, "int4", "awq")),
        (LLAMA | {"quantization_config": {"quant_method": "fp8"}}, ["model.safetensors.index.json"],
         ("foundation", "text-generation", "safetensors", None, "fp8", "fp8")),
        (LLAMA | {"quantization_config": {"quant_algo": "FP8", "producer": {"name": "modelopt"}}}, ["a.safetensors"],
         ("foundation", "text-generation", "safetensors", None, "fp8", "modelopt")),
        (LLAMA | {"quantization_config": {"quant_method": "compressed-tensors",
                  "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}}}}, ["a.safetensors"],
         ("foundation", "text-generation", "safetensors", None, "int4", "compressed-tensors")),
        (LLAMA, ["llama-3.1-8b.Q4_K_M.gguf"],
         ("foundation", "text-generation", "gguf", "llama-3.1-8b.Q4_K_M.gguf", "int4", "gguf:q4_k_m")),
        (LLAMA | {"architectures": ["LlamaModel"]}, ["a.safetensors"],
         ("embedding", "feature-extraction", "safetensors", None, None, None)),
        (BERT | {"architectures": ["BertModel"]}, ["a.safetensors", "onnx/model.onnx"],
         ("embedding", "feature-extraction", "safetensors", None, None, None)),
        (BERT | {"torch_dtype": "bfloat16"}, ["onnx/model.onnx", "onnx/model_fp16.onnx"],
         ("embedding", "feature-extraction", "onnx", "onnx/model.onnx", "fp32", None)),
        (RERANKER | {"id2label": {"0": "LABEL_0"}}, ["a.safetensors"],
         ("task-specific", "text-ranking", "safetensors", None, None, None)),
        (RERANKER, ["a.safetensors"], ("task-specific", "text-classification", "safetensors", None, None, None)),
        (RESNET, ["model_int8.onnx"],
         ("task-specific", "image-classification", "onnx", "model_int8.onnx", "int8", None)),
        (RESNET, [], ("task-specific", "image-classification", "safetensors", None, None, None)),
    ],
)  # fmt: skip
def test_given_a_models_folder_when_described_then_its_descriptor_survives_its_own_file(
    config: dict[str, Any], names: list[str], expected: tuple[str | None, ...], tmp_path: Path
) -> None:
    description = describe(str(folder_of(config, tmp_path / "Some Model_v1.5", *names)))
    found = description.descriptor
    precision = found.precision
    told = (found.kind, found.task, found.source.format, found.source.file)
    assert told == expected[:4]
    assert (precision and precision.weights, precision and precision.scheme) == expected[4:]
    assert found.name == "some-model-v1-5"
    path = tmp_path / "m.yaml"
    path.write_text(to_yaml(found, description.notes), encoding="utf-8")
    assert load_descriptor(path) == found


def test_given_a_description_when_written_then_it_is_tidy(tmp_path: Path) -> None:
    config = {**RESNET, "id2label": {str(label): f"LABEL_{label}" for label in range(1000)}, "num_labels": None}
    found = describe_folder(folder_of(config, tmp_path / "resnet-50", "model.safetensors"))
    address = found.source.uri
    assert to_yaml(found, ("a note",)) == (
        "# a note\nname: resnet-50\nkind: task-specific\ntask: image-classification\n"
        f"source:\n  uri: {address}\n  format: safetensors\n"
        "architecture:\n  family: cnn\n  config:\n    model_type: resnet\n    depths: [3, 4, 6, 3]\n"
        "    hidden_sizes: [256, 512, 1024, 2048]\n    layer_type: bottleneck\n    num_channels: 3\n"
        "    embedding_size: 64\n    num_labels: 1000\n    image_size: 224\n"
    )


def test_given_a_folder_of_the_hub_cache_when_described_then_address_and_commit_are_kept(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = folder_of(LLAMA, tmp_path / "models--org--My-Model" / "snapshots" / commit, "model.safetensors")
    found = describe_folder(folder)
    assert (found.name, found.source.uri, found.source.revision) == ("my-model", "hf://org/My-Model", commit)


def test_given_nothing_about_precision_or_weights_when_described_then_the_notes_say_so(tmp_path: Path) -> None:
    description = describe(str(folder_of(BERT, tmp_path / "m")))
    assert description.descriptor.kind is Kind.EMBEDDING
    assert description.descriptor.source.format is Format.SAFETENSORS
    assert len(description.notes) == 2


@pytest.mark.parametrize("source", ["s3://bucket/prefix", "gs://bucket/prefix"])
def test_given_an_address_when_described_then_what_is_supported_is_told(source: str) -> None:
    problem = refused(source)
    assert problem.code == "source-not-supported"
    assert "config.json" in str(problem)


def test_given_sources_that_cannot_be_read_when_described_then_each_says_why(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    (tmp_path / "diffusers").mkdir()
    (tmp_path / "diffusers" / "model_index.json").write_text("{}")
    assert refused(str(tmp_path / "absent")).code == "file-not-found"
    assert refused(str(tmp_path / "m.gguf")).code == "weights-malformed"
    assert refused(str(tmp_path / "empty")).code == "source-not-supported"
    assert "diffusers" in refused(str(tmp_path / "diffusers")).message
    unknown = refused(str(folder_of({"model_type": "no-such-type"}, tmp_path / "unknown")))
    assert (unknown.code, unknown.path) == ("unknown-architecture", "model_type")
    odd = refused(str(folder_of(LLAMA | {"torch_dtype": "float5"}, tmp_path / "odd")))
    assert odd.code == "unknown-data-type"
    method = refused(str(folder_of(LLAMA | {"quantization_config": {"quant_method": "xyz"}}, tmp_path / "method")))
    assert method.code == "unknown-quantization"
    gguf = refused(str(folder_of(LLAMA, tmp_path / "gguf", "model.gguf")))
    assert gguf.code == "unknown-quantization"


def test_given_a_config_without_a_model_type_when_described_then_the_fix_is_not_to_look_in_the_same_file(
    tmp_path: Path,
) -> None:
    problem = refused(str(folder_of({"hidden_size": 64}, tmp_path / "anonymous")))
    assert (problem.code, problem.path) == ("missing-hyperparameter", "model_type")
    assert problem.fix == "write the descriptor by hand, with architecture.parameters"


FP8_BESIDE = {
    "producer": {"name": "modelopt", "version": "0.23.0"},
    "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head"]},
}
"""`hf_quant_config.json` as NVIDIA's Model Optimizer writes it."""


def test_given_a_quantization_beside_the_config_when_described_then_it_counts(tmp_path: Path) -> None:
    folder = folder_of(LLAMA | {"torch_dtype": "bfloat16"}, tmp_path / "m", "model.safetensors")
    plain = describe(str(folder)).descriptor
    (folder / "hf_quant_config.json").write_text(json.dumps(FP8_BESIDE))
    description = describe(str(folder))
    found = description.descriptor
    assert plain.precision is not None
    assert plain.precision.weights == "bf16"
    assert found.precision is not None
    assert (found.precision.weights, found.precision.scheme, found.precision.kv_cache) == ("fp8", "modelopt", "fp8")
    assert "hf_quant_config.json" in description.notes[0]
    path = tmp_path / "m.yaml"
    path.write_text(to_yaml(found, description.notes), encoding="utf-8")
    assert load_descriptor(path) == found


def test_given_a_quantization_in_the_config_too_when_described_then_the_configs_counts(tmp_path: Path) -> None:
    config = LLAMA | {"quantization_config": {"quant_method": "awq", "bits": 4}}
    folder = folder_of(config, tmp_path / "m", "model.safetensors")
    (folder / "hf_quant_config.json").write_text(json.dumps(FP8_BESIDE))
    precision = describe(str(folder)).descriptor.precision
    assert precision is not None
    assert precision.scheme == "awq"


@pytest.mark.parametrize("text", ["[]", "{}", '{"quantization": "FP8"}'])
def test_given_a_quantization_file_without_one_when_described_then_it_is_refused(text: str, tmp_path: Path) -> None:
    folder = folder_of(LLAMA, tmp_path / "m", "model.safetensors")
    (folder / "hf_quant_config.json").write_text(text)
    problem = refused(str(folder))
    assert (problem.code, problem.file) == ("not-a-mapping", str(folder / "hf_quant_config.json"))


GPTQ_BESIDE = {"bits": 4, "group_size": 128, "damp_percent": 0.01, "desc_act": False, "sym": True,
               "true_sequential": True, "model_name_or_path": None}  # fmt: skip
AWQ_BESIDE = {"zero_point": True, "q_group_size": 128, "w_bit": 4, "version": "GEMM"}
"""As AutoGPTQ and AutoAWQ wrote them before 2024."""


@pytest.mark.parametrize(
    ("name", "content", "scheme"),
    [
        ("quantize_config.json", GPTQ_BESIDE, "gptq"),
        ("quantize_config.json", AWQ_BESIDE, "awq"),
        ("quant_config.json", AWQ_BESIDE, "awq"),
        ("quant_config.json", AWQ_BESIDE | {"quant_method": "awq"}, "awq"),
    ],
)
def test_given_an_old_quantization_beside_the_config_when_described_then_it_is_the_one_inside(
    name: str, content: dict[str, object], scheme: str, tmp_path: Path
) -> None:
    inside = LLAMA | {"quantization_config": {"quant_method": scheme, **content}}
    expected = describe(str(folder_of(inside, tmp_path / "inside", "model.safetensors"))).descriptor
    folder = folder_of(LLAMA, tmp_path / "m", "model.safetensors")
    (folder / name).write_text(json.dumps(content))
    description = describe(str(folder))
    found = description.descriptor
    assert found.precision is not None
    assert (found.precision, found.precision.weights, found.precision.scheme) == (expected.precision, "int4", scheme)
    assert build_inventory(found).tensors == build_inventory(expected).tensors
    assert isinstance(found.architecture.config, dict)
    assert not {"model_name_or_path", "version"} & set(found.architecture.config["quantization_config"])
    assert any("--quantization" in note for note in description.notes)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[]", "not-a-mapping"),
        ("{}", "unknown-quantization"),
        (json.dumps(GPTQ_BESIDE | AWQ_BESIDE), "unknown-quantization"),
        (json.dumps(AWQ_BESIDE | {"quant_method": "gptq"}), "unknown-quantization"),
        (json.dumps(GPTQ_BESIDE | {"bits": "4"}), "unknown-quantization"),
        (json.dumps(GPTQ_BESIDE | {"bits": 3}), "unknown-quantization"),
    ],
)
def test_given_an_old_quantization_that_is_not_told_when_described_then_it_is_refused(
    text: str, code: str, tmp_path: Path
) -> None:
    folder = folder_of(LLAMA, tmp_path / "m", "model.safetensors")
    (folder / "quantize_config.json").write_text(text)
    assert refused(str(folder)).code == code


@pytest.mark.parametrize(
    "name", ["m.pt2", "m.engine", "m.plan", "m.neff", "m.H5", "m.keras", "m.tflite", "m.npz", "m.pkl"]
)
def test_given_a_file_of_another_form_when_described_then_it_is_said_what_to_name_instead(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"")
    problem = refused(str(tmp_path / name))
    assert (problem.code, "which is not read" in problem.message) == ("source-not-supported", True)
    assert problem.fix
