"""Bytes of GGUF files: block types, llama.cpp's mixtures, and what a file's own header says."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.describe import describe, to_yaml
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.quantization.gguf import block_format
from ai_on_eks.descriptors.readers.ggml_types import GGML_TYPES
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Source,
    WeightPrecision,
)
from ai_on_eks.errors import InputError
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import GIB

LLAMA_3_1_8B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}


def sized(config: dict[str, object], scheme: str) -> int:
    precision = Precision(weights=WeightPrecision.INT4, scheme=scheme)
    descriptor = Descriptor(
        name="x",
        kind=Kind.FOUNDATION,
        source=Source(uri="hf://a/b", format=Format.GGUF),
        architecture=Architecture(family=Family.TRANSFORMER, config=config),
        precision=precision,
    )
    return weights_bytes(build_inventory(descriptor), precision)


@pytest.mark.parametrize("one", sorted(GGML_TYPES.values()), ids=lambda one: one.name)
def test_given_a_block_type_when_weighed_then_whole_blocks(one: tuple[str, int, int]) -> None:
    name, block, block_bytes = one
    assert block_format(name).bytes_for(block * 7) == block_bytes * 7


@pytest.mark.parametrize(
    ("scheme", "gib"),
    [
        # tools/quantize/README.md of llama.cpp, commit 311c2c9f: Llama-3.1-8B
        ("iq1_s", 1.87), ("iq1_m", 2.01), ("iq2_xxs", 2.23), ("iq2_xs", 2.42), ("iq2_s", 2.56), ("iq2_m", 2.74),
        ("iq3_xxs", 3.04), ("iq3_xs", 3.27), ("iq3_s", 3.42), ("iq3_m", 3.52), ("iq4_xs", 4.17), ("iq4_nl", 4.38),
        ("q2_k_s", 2.78), ("q2_k", 2.95), ("q3_k_s", 3.41), ("q3_k_l", 4.02), ("q4_k_s", 4.36), ("q4_k_m", 4.58),
        ("q5_k_s", 5.21), ("q5_k_m", 5.33), ("q6_k", 6.14), ("q8_0", 7.95), ("f16", 14.96),
    ],
)  # fmt: skip
def test_given_a_published_mixture_when_sized_then_as_large_as_the_published_file(scheme: str, gib: float) -> None:
    assert sized(LLAMA_3_1_8B, f"gguf:{scheme}") / GIB == pytest.approx(gib, abs=0.0051)


def test_given_a_70b_model_when_sized_then_as_large_as_the_published_file() -> None:
    # the same page: Q4_K_M of Llama 3.1 70B takes 43.1 GB
    seventy = LLAMA_3_1_8B | {"hidden_size": 8192, "intermediate_size": 28672, "num_hidden_layers": 80,
                              "num_attention_heads": 64}  # fmt: skip
    assert sized(seventy, "gguf:q4_k_m") / 1e9 == pytest.approx(43.1, rel=0.02)


def test_given_simple_types_and_aliases_when_sized_then_ordered_and_equal() -> None:
    order = ["q2_0", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "bf16", "f32"]
    sizes = [sized(LLAMA_3_1_8B, f"gguf:{name}") for name in order]
    assert sizes == sorted(sizes)
    assert sized(LLAMA_3_1_8B, "gguf:q4_k") == sized(LLAMA_3_1_8B, "gguf:q4_k_m")
    assert sized(LLAMA_3_1_8B, "gguf:tq1_0") < sized(LLAMA_3_1_8B, "gguf:tq2_0")


def test_given_an_unknown_mixture_when_sized_then_all_known_ones_are_listed() -> None:
    with pytest.raises(InputError) as caught:
        sized(LLAMA_3_1_8B, "gguf:q4_k_xl")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("unknown-quantization-scheme", "precision.scheme")
    assert "gguf:q4_k_m" in problem.allowed


def test_given_experts_in_mxfp4_when_sized_then_the_rest_takes_eight_bits() -> None:
    config: dict[str, object] = {
        "model_type": "mixtral", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 1024, "max_position_embeddings": 64,
        "num_local_experts": 4, "num_experts_per_tok": 2, "tie_word_embeddings": False,
    }  # fmt: skip
    experts = 2 * 4 * 3 * 256 * 512
    others = 2 * 4 * 256 * 256 + 2 * 1024 * 256
    norms_and_routers = 2 * 2 * 256 + 256 + 2 * 4 * 256
    expected = experts * 17 // 32 + others * 34 // 32 + norms_and_routers * 4
    assert sized(config, "gguf:mxfp4") == expected


def write(path: Path, types: dict[str, GGMLQuantizationType]) -> int:
    """A llama of 8 layers whose tensors have the types that `types` names, by name or by the end of it."""
    hidden, inner, vocabulary, layers = 256, 512, 320, 8
    writer = GGUFWriter(str(path), "llama")
    writer.add_block_count(layers)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_context_length(2048)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd": (vocabulary, hidden), "output": (vocabulary, hidden), "output_norm": (hidden,)
    }  # fmt: skip
    for layer in range(layers):
        block: dict[str, tuple[int, ...]] = {
            "attn_q": (hidden, hidden), "attn_k": (hidden, hidden), "attn_v": (hidden, hidden),
            "attn_output": (hidden, hidden), "ffn_gate": (inner, hidden), "ffn_up": (inner, hidden),
            "ffn_down": (hidden, inner), "attn_norm": (hidden,), "ffn_norm": (hidden,),
        }  # fmt: skip
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    total = 0
    for name, shape in shapes.items():
        stored = types.get(name, types.get(name.rpartition(".")[2], types["default"]))
        if len(shape) == 1:
            data = np.zeros(shape, np.float32)
            writer.add_tensor(f"{name}.weight", data)
        else:
            data = np.zeros(gguf.quant_shape_to_byte_shape(shape, stored), np.uint8)
            writer.add_tensor(f"{name}.weight", data, raw_dtype=stored)
        total += data.nbytes
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return total


def test_given_a_file_with_a_mixture_of_its_own_when_described_then_sized_to_the_byte(tmp_path: Path) -> None:
    kinds = GGMLQuantizationType
    types = {"default": kinds.Q4_K, "attn_v": kinds.Q6_K, "blk.3.attn_v": kinds.Q8_0, "output": kinds.Q5_0,
             "blk.7.ffn_down": kinds.IQ4_XS, "token_embd": kinds.Q2_K}  # fmt: skip
    total = write(tmp_path / "a.gguf", types)
    description = describe(str(tmp_path / "a.gguf"))
    (tmp_path / "a.yaml").write_text(to_yaml(description.descriptor, description.notes))
    for descriptor in (description.descriptor, load_descriptor(tmp_path / "a.yaml")):
        inventory = build_inventory(descriptor)
        assert weights_bytes(inventory, effective_precision(descriptor)) == total
        downs = [tensor for tensor in inventory.tensors if "down_proj" in tensor.name]
        assert sorted(tensor.count for tensor in downs) == [1, 7]


@pytest.mark.parametrize("entry", ["q9_k", {"q4_k": [0, 1]}, {"q4_k": "all"}, 7, {"x": [0]}])
def test_given_types_that_no_file_has_when_sized_then_refused(entry: object) -> None:
    types = {"blk.*.attn_v.weight": entry}
    config = LLAMA_3_1_8B | {"quantization_config": {"quant_method": "gguf", "types": types}}
    with pytest.raises(InputError) as caught:
        sized(config, "gguf:q4_k_m")
    assert caught.value.problems[0].code == "unknown-quantization"
