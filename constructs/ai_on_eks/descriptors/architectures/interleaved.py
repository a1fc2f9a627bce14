"""Decoders that mix layers with and without experts, with and without a window: MiMo-V2, Step 3.5, Llama 4, MiniMax-M3.

    MiMo-V2-Flash   windowed layers have key/value heads of their own number, and one learned score per head
    Step 3.5        windowed layers may have query heads of their own number; every head has a gate (heads × H)
    Llama 4         chunks instead of windows: a token attends to those of its own chunk; every nth layer has experts
    MiniMax-M3      an indexer in its sparse layers chooses blocks of keys: heads × dimension and dimension rows of H,
                    and a key per token beside the others; operations are those of attending to all, an upper bound

Prediction layers are not counted: serving leaves them out unless it speculates.
Routers' correction biases are buffers and no parameters. Names and shapes are those of the published checkpoints.
Source: modeling_<model type>.py and configuration_<model type>.py of transformers 5.23.0 (step3p7, minimax_m3_vl for
Step and MiniMax-M3); of vLLM 0.33.0 model_executor/models/{mimo_v2,step3p5,llama4}.py and models/minimax_m3, which has
the indexer's projections in the fused one of queries, keys and values, its keys whole on every rank; read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import interleaved_parts as parts
from ai_on_eks.descriptors.architectures import windows
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.interleaved_parts import Attention, numbers
from ai_on_eks.descriptors.architectures.latent_parts import Experts, Layers, dense, layer_norms, linear, norm
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Live, Sharding, Tensor, TensorRole

FAMILY = "transformer"

_W = ("w1", "w3", "w2")
_ALL_ATTENDED = "operations are those of attending to every token, more than the indexer chooses"


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    return MODEL_TYPES[model_type](model_type, parameters)


def _layers(parameters: Hyperparameters) -> int:
    return parameters.integer("num_hidden_layers", most=MAX_LAYERS)


def _sparse(parameters: Hyperparameters, key: str, first: int, layers: int) -> tuple[bool, ...]:
    """Which layers have experts: zeros and ones, one of the words dense and sparse for each, or all but the first."""
    words = parameters.layer_kinds("mlp_layer_types", ("dense", "sparse"))
    flags = tuple(word == "sparse" for word in words) or parameters.layer_switches(key)
    named = "mlp_layer_types" if words else key
    message = f"{len(flags)} entries for {layers} layers"
    parameters.relate(("num_hidden_layers", named), not flags or len(flags) >= layers, message)
    return flags[:layers] or tuple(layer >= first for layer in range(layers))


def _experts(
    parameters: Hyperparameters, number: str, inner: str, shared: int, chosen: str = "num_experts_per_tok"
) -> Experts:
    count, active = parameters.integer(number), parameters.integer(chosen)
    parameters.relate((number, chosen), active <= count, f"a token passes {active} of {count} experts")
    return Experts(parameters.integer("hidden_size"), count, active, parameters.integer(inner), shared)


def _divides(parameters: Hyperparameters, heads: int, key_value_heads: int, keys: tuple[str, str]) -> None:
    message = f"{key_value_heads} key/value heads do not divide {heads} attention heads"
    parameters.relate(keys, heads % key_value_heads == 0, message)


def _live(inner: int, experts: Experts, sparse: Layers) -> Live:
    return experts.beside(3 * inner) if sparse else Live(3 * inner)


def _mimo_v2(model_type: str, parameters: Hyperparameters) -> Inventory:
    layers, hidden = _layers(parameters), parameters.integer("hidden_size")
    heads, key_value = parameters.integer("num_attention_heads"), parameters.integer("num_key_value_heads")
    _divides(parameters, heads, key_value, ("num_attention_heads", "num_key_value_heads"))
    bias = parameters.flag("attention_bias")
    key, value = parameters.integer("head_dim"), parameters.integer("v_head_dim")
    windowed = parameters.layer_switches("hybrid_layer_pattern")[:layers]
    if not windowed:
        every = windows.Rule(windows.Kind.ALTERNATE, period=6)
        windowed = tuple(one is not None for one in windows.windows_of_layers(every, layers, parameters))
        windowed = windowed if parameters.has("layer_types") else (False, *windowed[1:])
    parameters.relate(
        ("num_hidden_layers", "hybrid_layer_pattern"), len(windowed) == layers, f"{len(windowed)} of {layers} layers"
    )
    tokens = parameters.integer("sliding_window")
    if parameters.has("sliding_window_size"):
        tokens = parameters.integer("sliding_window_size") + 1  # so many before the token itself
    whole = Attention(
        numbers(windowed, of=False), hidden, heads, key_value, key, value, input_bias=bias,
        sinks="attention_sink_bias" if parameters.flag("add_full_attention_sink_bias") else "",
    )  # fmt: skip
    local_heads = parameters.integer_or("swa_num_attention_heads", heads)
    local_key_value = parameters.integer_or("swa_num_key_value_heads", 2 * key_value)
    _divides(parameters, local_heads, local_key_value, ("swa_num_attention_heads", "swa_num_key_value_heads"))
    local = Attention(
        numbers(windowed), hidden, local_heads, local_key_value,
        parameters.integer_or("swa_head_dim", key), parameters.integer_or("swa_v_head_dim", value), window=tokens,
        input_bias=bias, sinks="attention_sink_bias" if parameters.flag("add_swa_attention_sink_bias") else "",
    )  # fmt: skip
    flags = _sparse(parameters, "moe_layer_freq", 1, layers)
    sparse, whole_layers = numbers(flags), numbers(flags, of=False)
    experts = _experts(parameters, "n_routed_experts", "moe_intermediate_size", 0)
    parameters.support("n_shared_experts", not parameters.has("n_shared_experts"), "shared experts are not known")
    inner = parameters.integer("intermediate_size") if whole_layers else 0
    size = parts.read_size(parameters, heads=heads, key_value_heads=key_value, head_dimension=key)
    parameters.finish()
    tensors = (
        *dense(hidden, inner, whole_layers),
        *parts.router("mlp.gate", experts, sparse),
        *parts.expert_matrices(experts, sparse, "mlp.experts"),
        *layer_norms(hidden, tuple(range(layers))),
    )
    live = _live(inner, experts, sparse)
    return parts.assemble(model_type, size, (whole, local), tensors, feed_forward_live=live)


def _step(model_type: str, parameters: Hyperparameters) -> Inventory:
    layers, hidden = _layers(parameters), parameters.integer("hidden_size")
    heads = parameters.integer("num_attention_heads")
    groups = "num_attention_groups" if parameters.has("num_attention_groups") else "num_key_value_heads"
    key_value, dimension = parameters.integer(groups), parameters.integer("head_dim")
    _divides(parameters, heads, key_value, ("num_attention_heads", groups))
    local_heads = parameters.integer_or("num_sliding_attention_heads", heads)
    if parameters.has("attention_other_setting") and not parameters.has("num_sliding_attention_heads"):
        local_heads = parameters.section("attention_other_setting", {}).integer_or("num_attention_heads", heads)
    _divides(parameters, local_heads, key_value, (groups, "num_sliding_attention_heads"))
    with_bias = parameters.value("mlp_bias") is True
    parameters.support("mlp_bias", not with_bias, "feed-forward layers with biases are not known")
    bias = parameters.flag("attention_bias")
    flags = _step_sparse(parameters, layers)
    sparse, whole_layers = numbers(flags), numbers(flags, of=False)
    number = "moe_num_experts" if parameters.has("moe_num_experts") else "n_routed_experts"
    number = "num_experts" if parameters.has("num_experts") else number
    chosen = "moe_top_k" if parameters.has("moe_top_k") else "num_experts_per_tok"
    shared = "share_expert_dims" if parameters.has("share_expert_dims") else "share_expert_dim"
    experts = _experts(parameters, number, "moe_intermediate_size", parameters.integer(shared), chosen)
    inner = parameters.integer("intermediate_size") if whole_layers else 0
    size = parts.read_size(parameters, heads=heads, key_value_heads=key_value, head_dimension=dimension)
    by_layer = windows.windows_of_layers(windows.NAMED, layers, parameters)
    parameters.finish()
    kinds = tuple(
        Attention(
            numbered, hidden,
            heads if window is None else local_heads, key_value, dimension, dimension, window=window,
            input_bias=bias, output_bias=bias, normed=True,
        )
        for window, numbered in windows.layers_by_window(by_layer)
    )  # fmt: skip
    role = TensorRole.ATTENTION
    gates = (linear("self_attn.g_proj", (one.heads, hidden), role, Sharding.SPLIT, one.layers) for one in kinds)
    tensors = (
        *gates,
        *dense(hidden, inner, whole_layers),
        *parts.router("moe.gate", experts, sparse),
        *parts.expert_matrices(experts, sparse, "moe.experts"),
        *dense(hidden, experts.shared, sparse, "share_expert"),
        *layer_norms(hidden, tuple(range(layers))),
    )
    return parts.assemble(model_type, size, kinds, tensors, feed_forward_live=_live(inner, experts, sparse))


def _step_sparse(parameters: Hyperparameters, layers: int) -> tuple[bool, ...]:
    """Published configs list the layers with experts as a text with commas; by default all but the first three."""
    if not parameters.has("moe_layers_enum") or parameters.has("mlp_layer_types"):
        first = parameters.integer_or("first_k_dense_replace", 3)
        return _sparse(parameters, "moe_layer_freq", first, layers)
    named = {one.strip() for one in parameters.text("moe_layers_enum", longest=8 * MAX_LAYERS).split(",")}
    known = {str(layer) for layer in range(MAX_LAYERS)}
    parameters.support("moe_layers_enum", named <= known, "a text of layer numbers with commas is expected")
    return tuple(str(layer) in named for layer in range(layers))


def _llama4(model_type: str, parameters: Hyperparameters) -> Inventory:
    layers, hidden = _layers(parameters), parameters.integer("hidden_size")
    heads, key_value = parameters.integer("num_attention_heads"), parameters.integer("num_key_value_heads")
    _divides(parameters, heads, key_value, ("num_attention_heads", "num_key_value_heads"))
    dimension, bias = parameters.integer("head_dim"), parameters.flag("attention_bias")
    size = parts.read_size(parameters, heads=heads, key_value_heads=key_value, head_dimension=dimension)
    interval = parameters.integer("no_rope_layer_interval")
    rule = windows.Rule(windows.Kind.ALTERNATE, key="attention_chunk_size", period=interval)
    by_layer = windows.windows_of_layers(rule, layers, parameters)
    rotary = parameters.layer_switches("no_rope_layers")  # layers without positions attend to everything
    if rotary and not parameters.has("layer_types"):
        chunk = next((one for one in by_layer if one is not None), None)
        by_layer = tuple(chunk if one else None for one in rotary[:layers])
        parameters.relate(("num_hidden_layers", "no_rope_layers"), len(by_layer) == layers, "too few entries")
    step = parameters.integer("interleave_moe_layer_step")
    named = parameters.layer_numbers("moe_layers")
    sparse = tuple(one for one in named if one < layers) if named else tuple(range(step - 1, layers, step))
    whole_layers = tuple(sorted(set(range(layers)) - set(sparse)))
    experts = _experts(parameters, "num_local_experts", "intermediate_size", parameters.integer("intermediate_size"))
    inner = parameters.integer("intermediate_size_mlp") if whole_layers else 0
    parameters.finish()
    kinds = tuple(
        Attention(
            numbered, hidden, heads, key_value, dimension,
            dimension, window=window, input_bias=bias, output_bias=bias,
        )
        for window, numbered in windows.layers_by_window(by_layer)
    )  # fmt: skip
    tensors = (
        *dense(hidden, inner, whole_layers, "feed_forward"),
        *parts.router("feed_forward.router", experts, sparse),
        *parts.expert_matrices(experts, sparse, "feed_forward.experts"),
        *dense(hidden, experts.shared, sparse, "feed_forward.shared_expert"),
        *layer_norms(hidden, tuple(range(layers))),
    )
    return parts.assemble(model_type, size, kinds, tensors, feed_forward_live=_live(inner, experts, sparse))


def _minimax_m3(model_type: str, parameters: Hyperparameters) -> Inventory:
    layers, hidden = _layers(parameters), parameters.integer("hidden_size")
    heads, key_value = parameters.integer("num_attention_heads"), parameters.integer("num_key_value_heads")
    _divides(parameters, heads, key_value, ("num_attention_heads", "num_key_value_heads"))
    dimension = parameters.integer("head_dim")
    gated = parameters.flag("attention_output_gate")
    parameters.support("attention_output_gate", not gated, "a gate on the attention's output is not known")
    indexed, index_heads, index_dimension = _indexer(parameters, layers)
    flags = _sparse(parameters, "moe_layer_freq", 0, layers)
    sparse, whole_layers = numbers(flags), numbers(flags, of=False)
    shared = parameters.integer("shared_intermediate_size") * parameters.integer("n_shared_experts")
    experts = _experts(parameters, "num_local_experts", "intermediate_size", shared)
    inner = parameters.integer("dense_intermediate_size") if whole_layers else 0
    size = parts.read_size(parameters, heads=heads, key_value_heads=key_value, head_dimension=dimension)
    parameters.finish()
    every = tuple(range(layers))
    attention = Attention(every, hidden, heads, key_value, dimension, dimension, normed=True)
    tensors = (
        *_indexer_tensors(hidden, index_heads, index_dimension, indexed),
        *dense(hidden, inner, whole_layers),
        *parts.router("block_sparse_moe.gate", experts, sparse),
        *parts.expert_matrices(experts, sparse, "block_sparse_moe.experts", _W),
        *dense(hidden, experts.shared, sparse, "block_sparse_moe.shared_experts"),
        *layer_norms(hidden, every),
    )
    inventory = parts.assemble(
        model_type, size, (attention,), tensors, feed_forward_live=_live(inner, experts, sparse),
        estimated=(_ALL_ATTENDED,) if indexed else (),
    )  # fmt: skip
    if not indexed:
        return inventory
    keys = KeyValueState(len(indexed), 1, index_dimension, 0, is_replicated=True, bits=16, name="indexer keys")
    return replace(inventory, states=(*inventory.states, keys))


def _indexer(parameters: Hyperparameters, layers: int) -> tuple[Layers, int, int]:
    """The layers that choose what they attend to, and the chooser's heads and their width."""
    if not parameters.has("sparse_attention_config"):
        words = parameters.layer_kinds("layer_types", (windows.FULL, "minimax_m3_sparse"))[:layers]
        indexed = tuple(layer for layer, word in enumerate(words) if word != windows.FULL)
        return indexed, parameters.integer("index_n_heads"), parameters.integer("index_head_dim")
    section = parameters.section("sparse_attention_config", {"use_sparse_attention": True})
    flags = section.layer_switches("sparse_attention_freq")[:layers]
    section.relate(("sparse_attention_freq",), len(flags) == layers, f"{len(flags)} entries for {layers} layers")
    indexed = numbers(flags) if section.flag("use_sparse_attention") else ()
    return indexed, section.integer("sparse_num_index_heads"), section.integer("sparse_index_dim")


def _indexer_tensors(hidden: int, heads: int, dimension: int, layers: Layers) -> tuple[Tensor, ...]:
    if not layers:
        return ()
    role = TensorRole.ATTENTION
    return (
        linear("self_attn.index_q_proj", (heads * dimension, hidden), role, Sharding.KEY_VALUE, layers),
        linear("self_attn.index_k_proj", (dimension, hidden), role, Sharding.REPLICATED, layers),
        norm("self_attn.index_q_norm", dimension, layers),
        norm("self_attn.index_k_norm", dimension, layers),
    )


MODEL_TYPES: Mapping[str, Callable[[str, Hyperparameters], Inventory]] = {
    "llama4_text": _llama4,
    "mimo_v2_flash": _mimo_v2,
    "minimax_m3": _minimax_m3,
    "minimax_m3_vl_text": _minimax_m3,
    "step3p5": _step,
}

_MINIMAX_M3: Mapping[str, Any] = {
    "tie_word_embeddings": False,
    "attention_output_gate": False,
    "n_shared_experts": 1,
    "index_n_heads": 4,
    "index_head_dim": 128,
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "llama4_text": {
        "tie_word_embeddings": False,
        "attention_bias": False,
        "no_rope_layer_interval": 4,
        "interleave_moe_layer_step": 1,
        "attention_chunk_size": 8192,
        "num_experts_per_tok": 1,
        "head_dim": 128,
    },
    "mimo_v2_flash": {
        "tie_word_embeddings": False,
        "attention_bias": False,
        "sliding_window": 129,
        "add_swa_attention_sink_bias": True,
        "add_full_attention_sink_bias": False,
    },
    "minimax_m3": _MINIMAX_M3,
    "minimax_m3_vl_text": _MINIMAX_M3,
    "step3p5": {"tie_word_embeddings": False, "attention_bias": False},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""
