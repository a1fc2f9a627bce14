"""Formats of tensors as the quantization configs of published checkpoints have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import build_inventory, own_precision
from ai_on_eks.descriptors.describe import describe_folder, to_yaml
from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Inventory, TensorRole
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.schema import (
    Architecture,
    CachePrecision,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Source,
    WeightPrecision,
)
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import GIB

LAYERS, HIDDEN, INNER, VOCABULARY = 4, 256, 512, 1000
LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
    "dtype": "bfloat16",
}
HALF = ElementFormat(16)
INT4_128 = ElementFormat(4, 128, 16 + 4)
FP8_ROW = {HIDDEN: ElementFormat(8, HIDDEN, 32), INNER: ElementFormat(8, INNER, 32)}


def descriptor_of(
    config: Mapping[str, Any], precision: Precision | None = None, stored: Format = Format.SAFETENSORS
) -> Descriptor:
    return Descriptor(
        name="x",
        kind=Kind.FOUNDATION,
        source=Source(uri="hf://a/b", format=stored),
        architecture=Architecture(family=Family.TRANSFORMER, config=dict(config)),
        precision=precision,
    )


def formats(quantization: Mapping[str, Any]) -> dict[str, dict[ElementFormat | None, int]]:
    """Last name of a module -> format -> how many layers."""
    found: dict[str, dict[ElementFormat | None, int]] = {}
    for tensor in build_inventory(descriptor_of({**LLAMA, "quantization_config": quantization})).tensors:
        module = tensor.name.removesuffix(".weight").rpartition(".")[2]
        found.setdefault(module, {})[tensor.stored] = tensor.count
    return found


def refused(config: Mapping[str, Any], precision: Precision | None = None) -> Problem:
    with pytest.raises(InputError) as caught:
        build_inventory(descriptor_of(config, precision))
    (problem,) = caught.value.problems
    return problem


def group(**weights: Any) -> dict[str, Any]:
    return {"quant_method": "compressed-tensors", "ignore": ["lm_head"],
            "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}}}  # fmt: skip


@pytest.mark.parametrize(
    ("quantization", "expected", "head"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, ElementFormat(8, 128 * 128, 32), None),
        ({"quant_method": "fp8", "activation_scheme": "static"}, ElementFormat(8, INNER * HIDDEN, 32), None),
        ({"quant_method": "fbgemm_fp8"}, FP8_ROW[HIDDEN], None),
        ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, INT4_128, None),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 64, "zero_point": False}, ElementFormat(4, 64, 16), None),
        ({"quant_method": "awq", "bits": 4, "lm_head": True}, INT4_128, INT4_128),
        ({"quant_method": "gptq", "bits": 8, "group_size": 32, "sym": True}, ElementFormat(8, 32, 24), None),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, ElementFormat(4, HIDDEN, 20), None),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 128}, INT4_128, None),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, ElementFormat(4, 64, 32), None),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True},
         ElementFormat(4, 16384, 256 * 8 + 32), None),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, FP8_ROW[HIDDEN], None),
        (group(num_bits=8, type="float", strategy="channel"), FP8_ROW[HIDDEN], None),
        (group(num_bits=8, type="float", strategy="tensor"), ElementFormat(8, INNER * HIDDEN, 32), None),
        (group(num_bits=8, type="float", strategy="block", block_structure=[128, 128]), ElementFormat(8, 16384, 32),
         None),
        (group(num_bits=8, type="int", strategy="channel"), FP8_ROW[HIDDEN], None),
        (group(num_bits=4, type="int", strategy="group", group_size=32, symmetric=True), ElementFormat(4, 32, 16),
         None),
        (group(num_bits=4, type="int", strategy="group", group_size=128, symmetric=False), INT4_128, None),
        (group(num_bits=4, type="float", strategy="tensor_group", group_size=16), ElementFormat(4, 16, 8), None),
        (group(num_bits=4, type="float", strategy="group", group_size=32), ElementFormat(4, 32, 8), None),
        (group(num_bits=8, type="float", strategy="channel") | {"ignore": []}, FP8_ROW[HIDDEN], FP8_ROW[HIDDEN]),
        ({"quant_method": "modelopt", "quant_algo": "FP8", "ignore": ["lm_head"]},
         ElementFormat(8, INNER * HIDDEN, 32), None),
        ({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4", "exclude_modules": ["lm_head"]}},
         ElementFormat(4, 16, 8), None),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, ElementFormat(4, 16, 8), ElementFormat(4, 16, 8)),
        ({"quant_method": "modelopt", "quant_algo": "MXFP8", "ignore": ["lm_head"]}, ElementFormat(8, 32, 8), None),
    ],
)  # fmt: skip
def test_given_a_method_when_read_then_weights_and_scales_have_their_bits(
    quantization: dict[str, Any], expected: ElementFormat, head: ElementFormat | None
) -> None:
    found = formats(quantization)
    assert found["up_proj"] == {expected: LAYERS}
    assert found["lm_head"] == {head: 1}
    assert found["embed_tokens"] == found["norm"] == {None: 1}
    assert found["input_layernorm"] == {None: LAYERS}


@pytest.mark.parametrize(
    ("quantization", "half"),
    [
        ({"quant_method": "fbgemm_fp8", "modules_to_not_convert": ["model.layers.0.mlp.down_proj"]}, {"down_proj": 1}),
        ({"quant_method": "fp8", "modules_to_not_convert": [f"model.layers.{one}.self_attn" for one in range(3)]},
         {"q_proj": 3, "k_proj": 3, "v_proj": 3, "o_proj": 3}),
        ({"quant_method": "awq", "bits": 4, "modules_to_not_convert": ["self_attn.o", "layers.2."]},
         {"o_proj": 4, "q_proj": 1, "k_proj": 1, "v_proj": 1, "gate_proj": 1, "up_proj": 1, "down_proj": 1}),
        ({"quant_method": "gptq", "bits": 4, "dynamic": {r"-:.*attn.*": {}, r"-:model\.layers\.3\..*down": {}}},
         {"q_proj": 4, "k_proj": 4, "v_proj": 4, "o_proj": 4, "down_proj": 1}),
        ({"quant_method": "gptq", "bits": 4, "modules_in_block_to_quantize": [["mlp.up_proj", "mlp.gate_proj"]]},
         {"q_proj": 4, "k_proj": 4, "v_proj": 4, "o_proj": 4, "down_proj": 4}),
        ({"quant_method": "auto-round", "bits": 4, "extra_config": {"model.layers.1.mlp.up_proj": {"bits": 16}}},
         {"up_proj": 1}),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True, "llm_int8_skip_modules": ["down_proj"]},
         {"down_proj": 4}),
        (group(num_bits=8, type="float", strategy="channel") | {"ignore": ["re:.*self_attn.[qk]_proj$", "lm_head"]},
         {"q_proj": 4, "k_proj": 4}),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4",
          "ignore": ["lm_head", "model.layers.0*", "model.layers.3.mlp*"]},
         {"q_proj": 1, "k_proj": 1, "v_proj": 1, "o_proj": 1, "gate_proj": 2, "up_proj": 2, "down_proj": 2}),
    ],
)  # fmt: skip
def test_given_modules_left_alone_when_read_then_just_they_keep_16_bits(
    quantization: dict[str, Any], half: dict[str, int]
) -> None:
    found = formats(quantization)
    assert {module: counts[HALF] for module, counts in found.items() if HALF in counts} == half
    assert all(sum(counts.values()) in (1, LAYERS) for counts in found.values())


def test_given_one_format_for_each_module_when_read_then_the_larger_part_names_the_precision() -> None:
    layers = {f"model.layers.{layer}.mlp.{name}_proj": {"quant_algo": "W4A16_NVFP4", "group_size": 16}
              for layer in range(LAYERS) for name in ("gate", "up", "down")}  # fmt: skip
    layers |= {f"model.layers.{layer}.self_attn.q_proj": {"quant_algo": "FP8"} for layer in range(LAYERS)}
    quantization = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": layers,
                    "kv_cache_quant_algo": "FP8"}  # fmt: skip
    found = formats(quantization)
    assert found["up_proj"] == {ElementFormat(4, 16, 8): LAYERS}
    assert found["q_proj"] == {ElementFormat(8, HIDDEN * HIDDEN, 32): LAYERS}
    assert found["k_proj"] == {HALF: LAYERS}
    own = own_precision(descriptor_of({**LLAMA, "quantization_config": quantization}))
    assert own == Precision(weights=WeightPrecision.NVFP4, scheme="modelopt", kv_cache=CachePrecision.FP8)


def test_given_405b_in_fp8_when_sized_then_462_gib_because_attention_and_two_layers_stay_in_16_bits() -> None:
    # meta-llama/Llama-3.1-405B-Instruct-FP8: fbgemm_fp8, all attention and the first and last layer unconverted
    layers, parts = range(126), ("q_proj", "k_proj", "v_proj", "o_proj")
    left = [f"model.layers.{layer}.self_attn.{part}" for layer in layers for part in parts]
    left += [f"model.layers.{layer}.mlp.{part}_proj" for layer in (0, 125) for part in ("gate", "up", "down")]
    config = LLAMA | {"hidden_size": 16384, "intermediate_size": 53248, "num_hidden_layers": 126,
                      "num_attention_heads": 128, "num_key_value_heads": 8, "vocab_size": 128256,
                      "quantization_config": {"quant_method": "fbgemm_fp8", "modules_to_not_convert": left},
                      }  # fmt: skip
    descriptor = descriptor_of(config)
    inventory, precision = build_inventory(descriptor), effective_precision(descriptor)
    assert weights_bytes(inventory, precision) / GIB == pytest.approx(462, rel=0.02)
    gates = [tensor for tensor in inventory.tensors if "gate_proj" in tensor.name]
    assert [(tensor.count, tensor.layers and tensor.layers[:2]) for tensor in gates] in (
        [(2, (0, 125)), (124, (1, 2))],
        [(124, (1, 2)), (2, (0, 125))],
    )


@pytest.mark.parametrize(
    ("name", "gib"),
    [
        # sizes of the repositories' weight files (../shared/truth/parameters.yaml, 2026)
        ("MiniMaxAI__MiniMax-M2.7", 214.34),
        ("moonshotai__Kimi-K2.5", 554.32),
        ("zai-org__GLM-5.2-FP8", 703.75),  # with the layer for multi-token prediction
        # loaded by vLLM 0.10 (../shared/truth/memory.yaml, measured_vllm-020)
        ("Qwen__Qwen3-30B-A3B-FP8", 29.09),
    ],
)
def test_given_published_configs_when_weighed_then_within_two_percent_of_their_files(
    shared: Path, name: str, gib: float
) -> None:
    config = json.loads((shared / "truth" / "configs" / f"{name}.json").read_text())
    descriptor = descriptor_of(config)
    size = weights_bytes(build_inventory(descriptor), effective_precision(descriptor))
    assert size / GIB == pytest.approx(gib, rel=0.02)


def test_given_nvfp4_mixture_when_read_then_attention_and_router_stay(shared: Path) -> None:
    config = json.loads((shared / "truth" / "configs" / "nvidia__MiniMax-M2.5-NVFP4.json").read_text())
    inventory = build_inventory(descriptor_of(config))
    assert by_role(inventory)[TensorRole.EXPERT] == {ElementFormat(4, 16, 8)}
    assert by_role(inventory)[TensorRole.ATTENTION] == {HALF}
    assert by_role(inventory)[TensorRole.ROUTER] == {None}


def by_role(inventory: Inventory) -> dict[TensorRole, set[ElementFormat | None]]:
    found: dict[TensorRole, set[ElementFormat | None]] = {}
    for tensor in inventory.tensors:
        if len(tensor.shape) > 1:
            found.setdefault(tensor.role, set()).add(tensor.stored)
    return found


AWQ = LLAMA | {"quantization_config": {"quant_method": "awq", "bits": 4}}


def test_given_a_precision_of_its_own_when_sized_then_it_counts_unless_it_is_the_checkpoints() -> None:
    own = build_inventory(descriptor_of(AWQ))
    same = Precision(weights=WeightPrecision.INT4, scheme="awq")
    converted = Precision(weights=WeightPrecision.BF16)
    assert build_inventory(descriptor_of(AWQ, same)) == own
    assert all(tensor.stored is None for tensor in build_inventory(descriptor_of(AWQ, converted)).tensors)
    assert all(tensor.stored is None for tensor in build_inventory(descriptor_of(AWQ, stored=Format.ONNX)).tensors)
    assert effective_precision(descriptor_of(AWQ)) == same
    assert effective_precision(descriptor_of(AWQ, converted)) == converted
    assert effective_precision(descriptor_of(LLAMA)).weights is WeightPrecision.BF16


def test_given_a_contradicting_scheme_when_read_then_the_checkpoints_own_is_the_fix() -> None:
    problem = refused(AWQ, Precision(weights=WeightPrecision.INT4, scheme="gptq"))
    assert (problem.code, problem.path, problem.allowed) == ("contradiction", "precision.scheme", ("awq",))
    eight = LLAMA | {"quantization_config": {"quant_method": "gptq", "bits": 8}}
    problem = refused(eight, Precision(weights=WeightPrecision.INT4, scheme="gptq"))
    assert (problem.code, problem.path, problem.allowed) == ("contradiction", "precision.weights", ("int8",))


@pytest.mark.parametrize(
    ("quantization", "words"),
    [
        ({"quant_method": "quark"}, "quark"),
        ({"quant_method": "torchao", "quant_type": "int4wo"}, "torchao"),
        ({"quant_method": "awq", "bits": 3}, "3 bits"),
        ({"quant_method": "gptq"}, "unknown bits"),
        ({"quant_method": "gptq", "bits": 4, "group_size": "x"}, "group_size"),
        ({"quant_method": "fp8", "weight_block_size": [0, 128]}, "two sizes"),
        ({"quant_method": "fp8", "modules_to_not_convert": [1]}, "list"),
        ({"quant_method": "mxfp4", "modules_to_not_convert": 0.5}, "list"),
        ({"quant_method": "awq", "bits": 4, "modules_to_not_convert": {"lm_head": True}}, "list"),
        ({"quant_method": "bitsandbytes"}, "load_in"),
        ({"quant_method": "modelopt", "quant_algo": "W4A8_AWQ"}, "w4a8_awq"),
        ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}, "quantized_layers"),
        (group(num_bits=4, type="float", group_size=7), "groups of 7"),
        (group(num_bits=8, type="float") | {"ignore": [r"re:(a)\1"]}, "expression"),
        ({"quant_method": "compressed-tensors", "config_groups": {}}, "no group"),
        ({"quant_method": "auto-round", "bits": 4, "data_type": "nv_fp4"}, "nv_fp4"),
    ],
)
def test_given_what_cannot_be_sized_when_read_then_it_is_refused_with_the_reason(
    quantization: dict[str, Any], words: str
) -> None:
    problem = refused(LLAMA | {"quantization_config": quantization})
    assert problem.code == "unknown-quantization"
    assert words in problem.message
    by_hand = descriptor_of(LLAMA | {"quantization_config": quantization}, Precision(weights=WeightPrecision.INT4))
    assert all(tensor.stored is None for tensor in build_inventory(by_hand).tensors)


def test_given_a_quantized_folder_when_described_then_the_descriptor_sizes_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    left = {"modules_to_not_convert": ["model.layers.2.mlp.up_proj"], "weight_block_size": [128, 128]}
    config = LLAMA | {"quantization_config": {"quant_method": "fp8", **left}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"")
    described = describe_folder(folder)
    (tmp_path / "model.yaml").write_text(to_yaml(described))
    assert described.precision == Precision(weights=WeightPrecision.FP8, scheme="fp8")
    assert build_inventory(load_descriptor(tmp_path / "model.yaml")) == build_inventory(descriptor_of(config))
