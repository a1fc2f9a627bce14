"""Gemma 3n: four windowed layers to one with the whole context, several copies of the residual, and inputs per layer.

With hidden size H, n copies of the residual (`altup_num_inputs`), rank R, width P of the input per layer, W rows of it:

    layers          Gemma 3's, but queries and keys of the last `num_kv_shared_layers` are those of the last layer of
                    their kind before them: no such projections, nothing kept
    copies (AltUp)  per layer n × H + n² + n³ + 2H;  2 × (n − 1) × H × H once
    LAuReL          per layer 2 × R × H + H
    input per layer W × L·P rows to look up, L·P × H, P;  per layer 2 × P × H + H

    live per token  n residuals, and the widest block

Names are those of the published checkpoints. Source: modeling_gemma3n.py and configuration_gemma3n.py of transformers
5.23.0, gemma3n.py of vLLM 0.33.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import interleaved_parts as parts
from ai_on_eks.descriptors.architectures import windows
from ai_on_eks.descriptors.architectures.hybrid_layers import read_heads
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.interleaved_parts import Attention, vector
from ai_on_eks.descriptors.architectures.latent_parts import LAYER, Layers, dense, linear, norm
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

FAMILY = "transformer"
MODEL_TYPES = ("gemma3n_text",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gemma3n_text": {
        "tie_word_embeddings": True,
        "attention_bias": False,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 256,
        "sliding_window": 512,
        "vocab_size": 262_400,
        "max_position_embeddings": 32_768,
        "vocab_size_per_layer_input": 262_144,
        "hidden_size_per_layer_input": 256,
        "altup_num_inputs": 4,
        "num_kv_shared_layers": 15,
        "laurel_rank": 64,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_RULE = windows.Rule(windows.Kind.ALTERNATE, period=5)
_NORMS = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
    "altup.router_norm",
    "laurel.post_laurel_norm",
    "post_per_layer_input_norm",
)


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of the text part, or an InputError with every missing hyper-parameter."""
    parameters = parameters.uniform("intermediate_size")
    count, hidden = parameters.integer("num_hidden_layers", most=MAX_LAYERS), parameters.integer("hidden_size")
    inner = parameters.integer("intermediate_size")
    kinds = _attention(parameters, count, hidden)
    one = kinds[0]
    size = parts.read_size(
        parameters, heads=one.heads, key_value_heads=one.key_value_heads, head_dimension=one.key_dimension
    )
    copies, rank = parameters.integer("altup_num_inputs"), parameters.integer("laurel_rank")
    width, rows = parameters.integer("hidden_size_per_layer_input"), parameters.integer("vocab_size_per_layer_input")
    parameters.finish()
    every = tuple(range(count))
    tensors = (
        *dense(hidden, inner, every),
        *(norm(name, hidden, every) for name in _NORMS),
        *_copies(hidden, copies, every),
        linear("laurel.linear_left", (rank, hidden), TensorRole.FEED_FORWARD, Sharding.REPLICATED, every),
        linear("laurel.linear_right", (hidden, rank), TensorRole.FEED_FORWARD, Sharding.REPLICATED, every),
        *_inputs(hidden, rows, width, every),
    )
    return parts.assemble(model_type, size, kinds, tensors, feed_forward_live=Live(3 * inner), residuals=copies)


def _attention(parameters: Hyperparameters, count: int, hidden: int) -> tuple[Attention, ...]:
    heads, groups, dimension = read_heads(parameters, hidden)
    shared, biased = parameters.integer("num_kv_shared_layers", least=0), parameters.flag("attention_bias")
    message = f"{shared} of {count} layers have no layer before them to share with"
    parameters.relate(("num_hidden_layers", "num_kv_shared_layers"), shared < count, message)
    by_layer = windows.windows_of_layers(_RULE, count, parameters)
    found = []
    for window, numbered in windows.layers_by_window(by_layer):
        one = Attention(
            numbered, hidden, heads, groups, dimension, dimension, window=window, input_bias=biased,
            output_bias=biased, normed=True,
        )  # fmt: skip
        own = tuple(layer for layer in numbered if layer < count - shared)
        sharing = tuple(layer for layer in numbered if layer >= count - shared)
        message = "the shared layers of a kind have none before them that keeps keys and values"
        parameters.relate(("num_hidden_layers", "num_kv_shared_layers"), bool(own) or not sharing, message)
        found += [replace(one, layers=own), replace(one, layers=sharing, has_keys=False)]
    return tuple(found)


def _copies(hidden: int, copies: int, layers: Layers) -> tuple[Tensor, ...]:
    """What predicts and corrects the copies of the residual; small, whole on every rank, left as it is."""
    role, whole, number = TensorRole.FEED_FORWARD, Sharding.REPLICATED, len(layers)

    def matrix(name: str, shape: tuple[int, int]) -> Tensor:
        return Tensor(f"{LAYER}.altup.{name}.weight", shape, role, whole, number, layers=layers)

    ways = tuple(
        Tensor(f"model.{name}.*.weight", (hidden, hidden), role, whole, copies - 1)
        for name in ("altup_projections", "altup_unembed_projections")
        if copies > 1
    )
    return (
        vector("altup.correct_output_scale", hidden, role, whole, layers),
        matrix("correction_coefs", (copies, copies)),
        matrix("prediction_coefs", (copies**2, copies)),
        matrix("modality_router", (copies, hidden)),
        *ways,
    )


def _inputs(hidden: int, rows: int, width: int, layers: Layers) -> tuple[Tensor, ...]:
    """What every layer is given of a token beside the residual. Whole on every rank within a layer."""
    number, role, whole = len(layers), TensorRole.FEED_FORWARD, Sharding.REPLICATED
    return (
        Tensor("model.embed_tokens_per_layer.weight", (rows, number * width), TensorRole.EMBEDDING, Sharding.SPLIT),
        Tensor("model.per_layer_model_projection.weight", (number * width, hidden), role, Sharding.SPLIT),
        Tensor("model.per_layer_projection_norm.weight", (width,), TensorRole.NORM, whole),
        linear("per_layer_input_gate", (width, hidden), role, whole, layers),
        linear("per_layer_projection", (hidden, width), role, whole, layers),
    )
