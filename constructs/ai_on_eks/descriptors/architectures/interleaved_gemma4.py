"""Gemma 4: five windowed layers to one with the whole context, each with heads of its own width.

    full layers      `global_head_dim` wide, with `num_global_key_value_heads` where keys are taken for values too
                     (attention_k_eq_v): then no projection of values; both are kept, as they are normalized apart
    shared layers    the last `num_kv_shared_layers` read the keys and values of the last one of their kind before
                     them: they have no such projections and keep nothing; their inner layers are twice as wide where
                     use_double_wide_mlp says so
    experts          beside a dense block in every layer where enable_moe_block says so, with three more norms
    per-layer input  with width P, layers L, rows W: W × L·P rows to look up and L·P × H, P; in every layer P × H twice
                     and a norm of H

The scale of each layer is a buffer and no parameter. An engine that fuses queries, keys and values loads the keys of
layers without values twice (vLLM 0.33.0, model_executor/models/gemma4.py): 0.4 % of the 31B model, not counted.
Source: modeling_gemma4.py and configuration_gemma4.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import interleaved_parts as parts
from ai_on_eks.descriptors.architectures import windows
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.interleaved_parts import Attention
from ai_on_eks.descriptors.architectures.latent_parts import LAYER, Experts, Layers, dense, norm
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

FAMILY = "transformer"
MODEL_TYPES = ("gemma4_text",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "gemma4_text": {
        "tie_word_embeddings": True,
        "attention_bias": False,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "global_head_dim": 512,
        "sliding_window": 512,
        "vocab_size": 262144,
        "max_position_embeddings": 131072,
        "vocab_size_per_layer_input": 262144,
        "hidden_size_per_layer_input": 256,
        "attention_k_eq_v": False,
        "enable_moe_block": False,
        "use_double_wide_mlp": False,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_RULE = windows.Rule(windows.Kind.ALTERNATE, period=6, last_full=True)
_NORMS = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)
_EXPERT_NORMS = ("post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2")


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of the text part, or an InputError with every missing hyper-parameter."""
    layers = parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    hidden, inner = parameters.integer("hidden_size"), parameters.integer("intermediate_size")
    shared = parameters.integer("num_kv_shared_layers", least=0) if parameters.has("num_kv_shared_layers") else 0
    message = f"{shared} of {layers} layers have no layer before them to share with"
    parameters.relate(("num_hidden_layers", "num_kv_shared_layers"), shared < layers, message)
    kinds = _attention(parameters, layers, hidden, shared)
    widest = max(kinds, key=lambda one: one.heads * one.key_dimension)
    size = parts.read_size(
        parameters,
        heads=widest.heads,
        key_value_heads=max(one.key_value_heads for one in kinds),
        head_dimension=widest.key_dimension,
    )
    wide = parameters.flag("use_double_wide_mlp") and shared > 0
    experts = _experts(parameters, hidden) if parameters.flag("enable_moe_block") else None
    rows, width = _per_layer_input(parameters)
    parameters.finish()
    every = tuple(range(layers))
    own, sharing = (every[: layers - shared], every[layers - shared :]) if wide else (every, ())
    tensors = (
        *dense(hidden, inner, own),
        *dense(hidden, 2 * inner, sharing),
        *(norm(name, hidden, every) for name in _NORMS),
        *(_expert_tensors(experts, every) if experts else ()),
        *(_input_tensors(hidden, rows, width, every) if width else ()),
    )
    live = Live(3 * (2 * inner if sharing else inner))
    if experts:
        both = experts.beside(live.values - hidden)  # the dense block's output waits for the experts'
        live = Live(both.values + hidden, both.undivided + hidden)
    return parts.assemble(model_type, size, kinds, tensors, feed_forward_live=live)


def _attention(parameters: Hyperparameters, layers: int, hidden: int, shared: int) -> tuple[Attention, ...]:
    heads, key_value = parameters.integer("num_attention_heads"), parameters.integer("num_key_value_heads")
    bias, same = parameters.flag("attention_bias"), parameters.flag("attention_k_eq_v")
    wide_key_value = parameters.integer_or("num_global_key_value_heads", key_value) if same else key_value
    by_layer = windows.windows_of_layers(_RULE, layers, parameters)
    narrow, wide = parameters.integer("head_dim"), parameters.integer("global_head_dim")
    if parameters.has("per_layer_config"):  # what newer versions of the library write instead
        wide, wide_key_value = _of_full_layers(parameters, by_layer, wide, key_value)
    for key, number in (("num_key_value_heads", key_value), ("num_global_key_value_heads", wide_key_value)):
        message = f"{number} key/value heads do not divide {heads} attention heads"
        parameters.relate(("num_attention_heads", key), heads % number == 0, message)
    found = []
    for window, numbered in windows.layers_by_window(by_layer):
        dimension = wide if window is None else narrow
        one = Attention(
            numbered,
            hidden,
            heads,
            wide_key_value if window is None else key_value,
            dimension,
            dimension,
            window=window,
            input_bias=bias,
            output_bias=bias,
            has_values=not (same and window is None),
            normed=True,
        )
        own = tuple(layer for layer in numbered if layer < layers - shared)
        message = "the shared layers of a kind have none before them that keeps keys and values"
        parameters.relate(("num_hidden_layers", "num_kv_shared_layers"), bool(own), message)
        sharing = tuple(layer for layer in numbered if layer >= layers - shared)
        found += [replace(one, layers=own), replace(one, layers=sharing, has_keys=False)]
    return tuple(found)


def _of_full_layers(
    parameters: Hyperparameters, by_layer: tuple[int | None, ...], dimension: int, key_value: int
) -> tuple[int, int]:
    """Width and number of the key/value heads of the layers without a window, which must be the same in all."""
    section = parameters.section("per_layer_config", {})
    found = set()
    for layer, window in enumerate(by_layer):
        if window is None and section.has(str(layer)):
            one = section.section(str(layer), {})
            pair = one.integer_or("head_dim", dimension), one.integer_or("num_key_value_heads", key_value)
            found.add(pair)
    parameters.support("per_layer_config", len(found) < 2, "full layers that differ from each other are not known")
    return found.pop() if found else (dimension, key_value)


def _experts(parameters: Hyperparameters, hidden: int) -> Experts:
    number, chosen = parameters.integer("num_experts"), parameters.integer("top_k_experts")
    parameters.relate(
        ("num_experts", "top_k_experts"), chosen <= number, f"a token passes {chosen} of {number} experts"
    )
    return Experts(hidden, number, chosen, parameters.integer("moe_intermediate_size"), 0)


def _per_layer_input(parameters: Hyperparameters) -> tuple[int, int]:
    """Rows and width of the embeddings of every layer; zero where the config says there are none."""
    key = "hidden_size_per_layer_input"
    width = parameters.integer(key, least=0)
    return (parameters.integer("vocab_size_per_layer_input"), width) if width else (0, 0)


def _expert_tensors(experts: Experts, layers: Layers) -> tuple[Tensor, ...]:
    role, whole, number = TensorRole.ROUTER, Sharding.REPLICATED, len(layers)
    return (
        *parts.router("router.proj", experts, layers),
        Tensor(f"{LAYER}.router.scale", (experts.hidden,), role, whole, number, layers=layers),
        Tensor(f"{LAYER}.router.per_expert_scale", (experts.number,), role, whole, number, layers=layers),
        *parts.expert_matrices(experts, layers, "experts"),
        *(norm(name, experts.hidden, layers) for name in _EXPERT_NORMS),
    )


def _input_tensors(hidden: int, rows: int, width: int, layers: Layers) -> tuple[Tensor, ...]:
    """What every layer is given of a token beside the residual. Whole on every rank within a layer."""
    number, role, whole = len(layers), TensorRole.FEED_FORWARD, Sharding.REPLICATED
    table, every = (rows, number * width), (number * width, hidden)
    return (
        Tensor("model.embed_tokens_per_layer.weight", table, TensorRole.EMBEDDING, Sharding.SPLIT),
        Tensor("model.per_layer_model_projection.weight", every, role, Sharding.SPLIT),
        Tensor("model.per_layer_projection_norm.weight", (width,), TensorRole.NORM, whole),
        Tensor(f"{LAYER}.per_layer_input_gate.weight", (width, hidden), role, whole, number, True, layers=layers),
        Tensor(f"{LAYER}.per_layer_projection.weight", (hidden, width), role, whole, number, True, layers=layers),
        norm("post_per_layer_input_norm", hidden, layers),
    )
