"""Decoders that alternate linear attention and latent attention: Kimi-Linear, and the decoder of Kimi-K3.

    kept of a sequence   linear attention  n × d × d in float32  +  3 × n·d × (k − 1) of the convolutions
                         latent attention  L + R per token, whole on every rank
    operations per token 2 × active matrices  +  6 × n × d × (d + k) of every layer with linear attention
    … and context token  2 × N × (P + R + V) of every layer with latent attention, as `latent` counts them
    activations          H, or one H for each block of layers whose output is kept, and H  +  max(attention, 3 × I,
                         experts)

Letters are those of `latent_parts` and `latent_linear_parts`. The recurrent state is float32 unless the engine is told
otherwise (vLLM 0.33.0, kda_state_dtype and kda_state_shape in layers/mamba/mamba_utils.py, read 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures import latent_linear_parts as parts
from ai_on_eks.descriptors.architectures import latent_parts
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.latent_parts import Experts, LatentAttention, Layers
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    KeyValueState,
    Operations,
    RecurrentState,
    Sharding,
    State,
    Tensor,
    TensorRole,
)
from ai_on_eks.units import ceil_div

FAMILY = "hybrid"

MODEL_TYPES = ("kimi_linear",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "kimi_linear": {
        "tie_word_embeddings": False,
        "moe_layer_freq": 1,
        "first_k_dense_replace": 1,
        "num_shared_experts": 1,
        "num_nextn_predict_layers": 0,
        "mla_use_output_gate": False,
        "latent_moe_use_norm": False,
    }
}
"""What transformers documents for a hyper-parameter that a published config may leave out; for the last two, which it
does not know, vLLM 0.33.0 (transformers_utils/configs/kimi_linear.py)."""

LINEAR_DEFAULTS: Mapping[str, Any] = {"use_full_rank_gate": False}

STATE_BITS = 32


class Shape(Struct, frozen=True):
    """A decoder's dimensions and what kind each of its layers is; `kept_blocks` is 0 without block residuals."""

    layers: int
    vocabulary: int
    context: int
    tied: bool
    latent: LatentAttention
    gated: bool
    latent_layers: Layers
    linear: parts.LinearAttention
    linear_layers: Layers
    intermediate: int
    dense: Layers
    sparse: Layers
    experts: parts.LatentExperts
    kept_blocks: int

    @property
    def hidden(self) -> int:
        return self.latent.hidden


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    shape = read_shape(parameters)
    parameters.finish()
    return assemble(model_type, shape)


def read_shape(parameters: Hyperparameters) -> Shape:
    """The dimensions; the caller calls `finish`."""
    layers = parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    parameters.ending("architectures", ("ForCausalLM",))
    biased = parameters.value("attention_bias") is True
    parameters.support("attention_bias", not biased, "latent attention with biases is not known")
    predicting = parameters.integer("num_nextn_predict_layers", least=0)
    parameters.support("num_nextn_predict_layers", predicting == 0, "layers that predict further tokens are not known")
    latent = LatentAttention(
        hidden=parameters.integer("hidden_size"),
        heads=parameters.integer("num_attention_heads"),
        query_rank=parameters.integer("q_lora_rank") if parameters.has("q_lora_rank") else None,
        latent=parameters.integer("kv_lora_rank"),
        without_position=parameters.integer("qk_nope_head_dim"),
        with_position=parameters.integer("qk_rope_head_dim"),
        value=parameters.integer("v_head_dim"),
    )
    linear, latent_layers, linear_layers = _linear(parameters, layers)
    first, step = parameters.integer("first_k_dense_replace", least=0), parameters.integer("moe_layer_freq")
    dense = tuple(layer for layer in range(layers) if layer < first or layer % step)
    block = parameters.integer("attn_res_block_size") if parameters.has("attn_res_block_size") else 0
    context = "model_max_length" if parameters.has("model_max_length") else "max_position_embeddings"
    return Shape(
        layers=layers,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer(context),
        tied=parameters.flag("tie_word_embeddings"),
        latent=latent,
        gated=parameters.flag("mla_use_output_gate"),
        latent_layers=latent_layers,
        linear=linear,
        linear_layers=linear_layers,
        intermediate=parameters.integer("intermediate_size") if dense else 0,
        dense=dense,
        sparse=tuple(sorted(set(range(layers)) - set(dense))),
        experts=_experts(parameters, latent.hidden),
        kept_blocks=ceil_div(layers, block) if block else 0,
    )


def _linear(parameters: Hyperparameters, layers: int) -> tuple[parts.LinearAttention, Layers, Layers]:
    """The linear attention, the layers with latent attention, and those with linear; published from one upwards."""
    section = parameters.section("linear_attn_config", LINEAR_DEFAULTS)
    linear = parts.LinearAttention(
        heads=section.integer("num_heads"),
        dimension=section.integer("head_dim"),
        kernel=section.integer("short_conv_kernel_size"),
        whole_gate=section.flag("use_full_rank_gate"),
    )
    latent_layers = tuple(layer - 1 for layer in section.layer_numbers("full_attn_layers"))
    linear_layers = tuple(layer - 1 for layer in section.layer_numbers("kda_layers"))
    every = sorted(latent_layers + linear_layers) == list(range(layers))
    section.relate(("full_attn_layers", "kda_layers"), every, f"do not name each of {layers} layers once")
    return linear, latent_layers, linear_layers


def _experts(parameters: Hyperparameters, hidden: int) -> parts.LatentExperts:
    number, chosen = parameters.integer("num_experts"), parameters.integer("num_experts_per_token")
    keys = ("num_experts", "num_experts_per_token")
    parameters.relate(keys, chosen <= number, f"a token passes {chosen} of {number} experts")
    inner = parameters.integer("moe_intermediate_size")
    shared = parameters.integer("num_shared_experts", least=0) * inner
    space = parameters.integer_or("routed_expert_hidden_size", hidden)
    experts = Experts(space, number, chosen, inner, shared)
    return parts.LatentExperts(hidden, experts, parameters.flag("latent_moe_use_norm"))


def assemble(model_type: str, shape: Shape) -> Inventory:
    """The whole model."""
    tensors = _tensors(shape)
    tied_head = 2 * shape.vocabulary * shape.hidden if shape.tied else 0
    recurrence = len(shape.linear_layers) * shape.linear.operations
    experts = shape.hidden + shape.experts.experts.live if shape.sparse else 0
    live = max(shape.latent.live, 6 * shape.linear.width, 3 * shape.intermediate, experts)
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=tensors,
        states=_states(shape),
        operations=Operations(
            per_item=matrix_flops(tensors) + tied_head + recurrence,
            per_item_and_context_token=len(shape.latent_layers) * shape.latent.whole_operations,
        ),
        activations=Activations(per_item=(1 + shape.kept_blocks) * shape.hidden + live, vocabulary=shape.vocabulary),
        layers=shape.layers,
        hidden_size=shape.hidden,
        attention_heads=shape.latent.heads,
        key_value_heads=1,
        max_context_tokens=shape.context,
    )


def _tensors(shape: Shape) -> tuple[Tensor, ...]:
    size, every = (shape.vocabulary, shape.hidden), tuple(range(shape.layers))
    head = Tensor("lm_head.weight", size, TensorRole.HEAD, Sharding.SPLIT)
    return (
        Tensor("model.embed_tokens.weight", size, TensorRole.EMBEDDING, Sharding.SPLIT),
        *parts.linear_attention(shape.linear, shape.hidden, shape.linear_layers),
        *parts.latent_attention(shape.latent, shape.latent_layers, gated=shape.gated),
        *latent_parts.dense(shape.hidden, shape.intermediate, shape.dense),
        *parts.sparse(shape.experts, shape.sparse),
        *latent_parts.layer_norms(shape.hidden, every),
        *(parts.block_residuals(shape.hidden, every) if shape.kept_blocks else ()),
        Tensor("model.norm.weight", (shape.hidden,), TensorRole.NORM, Sharding.REPLICATED),
        *(() if shape.tied else (head,)),
    )


def _states(shape: Shape) -> tuple[State, ...]:
    latent, linear = shape.latent, shape.linear
    layers, convolved = len(shape.linear_layers), 3 * linear.width * (linear.kernel - 1)
    return (
        KeyValueState(
            len(shape.latent_layers),
            1,
            latent.latent,
            latent.with_position,
            is_replicated=True,
            name="latent keys and values",
        ),
        RecurrentState(layers, linear.width * linear.dimension, linear.heads, bits=STATE_BITS),
        RecurrentState(layers, convolved, linear.heads, name="convolution state"),
    )
