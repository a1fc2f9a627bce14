"""Qwen3-Next, Qwen3.5 and its successors (3.6, 3.8): gated delta nets, and attention in every fourth layer.

    layer  gated delta net, or attention with a gated output and normalized queries and keys
           + feed-forward, or experts with a shared one and its gate
           + 2 norms of H

The model types without `_text` have a vision tower before the decoder; their configs keep the decoder's
hyper-parameters under `text_config`. The layer that predicts further tokens (`mtp`) is in the published checkpoints and
is served for speculative decoding only.

The state is kept in the data type that `mamba_ssm_dtype` names, in that of the computation where a config says nothing
(vLLM 0.33.0, model_executor/models/config.py, Qwen3_5ForConditionalGenerationConfig). What a quantized
checkpoint leaves in 16 bit, it says itself: NVIDIA's NVFP4 ones name delta nets, attention and shared experts.

Names and shapes are those of the published checkpoints. Source: modeling_<model type>.py of transformers 5.23.0;
qwen3_next_mtp.py and qwen3_5_mtp.py of vLLM 0.33.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.gated_delta_mixer import DeltaNet, delta_net, read_delta_net
from ai_on_eks.descriptors.architectures.hybrid_blocks import (
    Block,
    Frame,
    Layers,
    assemble,
    depth,
    has_head,
    numbers,
    per_layer,
)
from ai_on_eks.descriptors.architectures.hybrid_layers import (
    Attention,
    Experts,
    attention,
    experts,
    feed_forward,
    read_experts,
    read_heads,
    shared_expert,
)
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.state_space_mixers import state_bits
from ai_on_eks.descriptors.architectures.vision_tower_qwen import QWEN_VISION_DEFAULTS, qwen_vision_tower
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

FAMILY = "hybrid"


class Traits(Struct, frozen=True):
    """What sets one model type apart. `is_mixed`: some layers may be dense (mlp_only_layers, decoder_sparse_step)."""

    is_sparse: bool = False
    is_mixed: bool = False
    is_fused: bool = False
    has_vision: bool = False


MODEL_TYPES: Mapping[str, Traits] = {
    "qwen3_5": Traits(has_vision=True),
    "qwen3_5_moe": Traits(is_sparse=True, has_vision=True),
    "qwen3_5_moe_text": Traits(is_sparse=True),
    "qwen3_5_text": Traits(),
    "qwen3_next": Traits(is_sparse=True, is_mixed=True, is_fused=True),
}

_TEXT: Mapping[str, Any] = {
    "tie_word_embeddings": False,
    "attention_bias": False,
    "head_dim": 256,
    "full_attention_interval": 4,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "mamba_ssm_dtype": "auto",
    "num_key_value_heads": 4,
}
_SPARSE_TEXT: Mapping[str, Any] = {
    **_TEXT,
    "num_key_value_heads": 2,
    "num_experts": 256,
    "num_experts_per_tok": 8,
    "decoder_sparse_step": 1,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "qwen3_5": {"tie_word_embeddings": False},
    "qwen3_5_moe": {"tie_word_embeddings": False},
    "qwen3_5_moe_text": _SPARSE_TEXT,
    "qwen3_5_text": _TEXT,
    "qwen3_next": {**_SPARSE_TEXT, "num_experts": 512, "num_experts_per_tok": 10},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_LINEAR, _FULL = "linear_attention", "full_attention"


class _Decoder(Struct, frozen=True):
    """The decoder's dimensions. `inner` is 0 where every layer is sparse, `experts` None where none is."""

    kinds: tuple[str, ...]
    sparse: tuple[int, ...]
    dense: tuple[int, ...]
    attention: Attention
    delta_net: DeltaNet
    inner: int
    experts: Experts | None
    is_fused: bool


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory, or an InputError with everything that is missing."""
    traits = MODEL_TYPES[model_type]
    if not traits.has_vision:
        inventory = _text(model_type, traits, parameters, parameters, "model")
        parameters.finish()
        return inventory
    text = parameters.section("text_config", DEFAULTS[f"{model_type}_text"])
    inventory = _text(model_type, traits, text, parameters, "model.language_model")
    tower = qwen_vision_tower(parameters.section("vision_config", QWEN_VISION_DEFAULTS))
    parameters.finish()
    return tower.before(inventory, model_type)


def _text(model_type: str, traits: Traits, text: Hyperparameters, outer: Hyperparameters, prefix: str) -> Inventory:
    """The decoder. Whether the embedding is tied is said by the outer config, or else by the decoder's own."""
    decoder = _decoder(traits, text)
    shape, hidden = decoder.attention, decoder.attention.hidden
    frame = Frame(
        layers=len(decoder.kinds),
        hidden=hidden,
        vocabulary=text.integer("vocab_size"),
        context=text.integer("max_position_embeddings"),
        heads=shape.heads,
        key_value_heads=shape.key_value_heads,
        has_head=has_head(outer, "ForConditionalGeneration"),
        tied=(outer if outer.has("tie_word_embeddings") else text).flag("tie_word_embeddings"),
        embedding=f"{prefix}.embed_tokens.weight",
        last_norm=f"{prefix}.norm.weight",
    )
    inventory = assemble(model_type, frame, _blocks(decoder, f"{prefix}.layers.*"))
    predicting = text.integer("mtp_num_hidden_layers", least=0) if text.has("mtp_num_hidden_layers") else 0
    return replace(inventory, unserved_tensors=_predicting(decoder, predicting)) if predicting else inventory


def _decoder(traits: Traits, text: Hyperparameters) -> _Decoder:
    hidden, layers = text.integer("hidden_size"), depth(text)
    kinds = text.layer_kinds("layer_types", (_LINEAR, _FULL))
    if not kinds:
        interval = text.integer("full_attention_interval")
        kinds = tuple(_LINEAR if (number + 1) % interval else _FULL for number in range(layers))
    per_layer(text, "layer_types", kinds, layers)
    sparse = _sparse_layers(traits, text, layers) if traits.is_sparse else ()
    dense = tuple(number for number in range(layers) if number not in set(sparse))
    heads, key_value_heads, dimension = read_heads(text, hidden)
    bias = text.flag("attention_bias")
    return _Decoder(
        kinds=kinds,
        sparse=sparse,
        dense=dense,
        attention=Attention(
            hidden,
            heads,
            key_value_heads,
            dimension,
            input_bias=bias,
            output_bias=bias,
            is_gated=True,
            norms={"q_norm": dimension, "k_norm": dimension},
        ),
        delta_net=read_delta_net(text, hidden, state_bits(text, "mamba_ssm_dtype")),
        inner=text.integer("intermediate_size") if dense else 0,
        experts=_experts(text, hidden) if traits.is_sparse else None,
        is_fused=traits.is_fused,
    )


def _sparse_layers(traits: Traits, text: Hyperparameters, layers: int) -> tuple[int, ...]:
    """Every `decoder_sparse_step`th layer, counted from one, less those that mlp_only_layers numbers from zero."""
    if not traits.is_mixed:
        return tuple(range(layers))
    step, dense = text.integer("decoder_sparse_step"), set(text.layer_numbers("mlp_only_layers"))
    return tuple(number for number in range(layers) if (number + 1) % step == 0 and number not in dense)


def _experts(text: Hyperparameters, hidden: int) -> Experts:
    shape = read_experts(text, "num_experts", "moe_intermediate_size", hidden)
    return replace(shape, shared=text.integer("shared_expert_intermediate_size"))


def _blocks(decoder: _Decoder, prefix: str) -> tuple[Block, ...]:
    """Every layer has its two norms."""
    return (
        *_layer_blocks(decoder, prefix, numbers(decoder.kinds, _FULL), decoder.dense, decoder.sparse),
        delta_net(Layers(prefix, numbers(decoder.kinds, _LINEAR)), decoder.delta_net, is_fused=decoder.is_fused),
        _norms(Layers(prefix, tuple(range(len(decoder.kinds)))), decoder.attention.hidden),
    )


def _layer_blocks(
    decoder: _Decoder, prefix: str, full: tuple[int, ...], dense: tuple[int, ...], sparse: tuple[int, ...]
) -> tuple[Block, ...]:
    """Attention, and what follows it or a delta net."""
    hidden, shape = decoder.attention.hidden, decoder.experts
    blocks = [
        attention(Layers(prefix, full), decoder.attention),
        feed_forward(Layers(prefix, dense), "mlp", hidden, decoder.inner),
    ]
    if shape is not None:
        layers = Layers(prefix, sparse)
        blocks.append(experts(layers, "mlp", shape))
        blocks.append(shared_expert(layers, "mlp.shared_expert", shape, gate="mlp.shared_expert_gate"))
    return tuple(blocks)


def _norms(layers: Layers, hidden: int) -> Block:
    return Block(tuple(layers.norm(name, hidden) for name in ("input_layernorm", "post_attention_layernorm")))


def _predicting(decoder: _Decoder, layers: int) -> tuple[Tensor, ...]:
    """Layers with attention that predict further tokens from the last hidden state beside the embedding."""
    hidden = decoder.attention.hidden
    every = tuple(range(layers))
    dense, sparse = (every, ()) if decoder.experts is None else ((), every)
    blocks = _layer_blocks(decoder, "mtp.layers.*", every, dense, sparse)
    names = ("norm", "pre_fc_norm_embedding", "pre_fc_norm_hidden")
    return (
        Tensor("mtp.fc.weight", (hidden, 2 * hidden), TensorRole.FEED_FORWARD, Sharding.REPLICATED, quantizable=True),
        *(Tensor(f"mtp.{name}.weight", (hidden,), TensorRole.NORM, Sharding.REPLICATED) for name in names),
        *(tensor for block in blocks for tensor in block.tensors),
        *_norms(Layers("mtp.layers.*", every), hidden).tensors,
    )
