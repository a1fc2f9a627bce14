"""Mixtures of experts with a part of their own: Trinity (AFMoE), DeepSeek-MoE, Granite, Hunyuan-A13B.

    attention, norms   as in `interleaved_parts`
    router, experts    as in `latent_parts`; E experts of width I of which a token passes k

    AFMoE       the attention's output is weighed by a gate of A·D × H; four norms a layer; windows in all layers but
                every nth; the first layers dense; shared experts as wide as so many of the others; the router's
                correction is a parameter
    DeepSeek 1  DeepSeek-MoE-16B: the first layers dense, shared experts, plain attention
    Granite     a shared expert of shared_intermediate_size, gate and up in one matrix
    Hunyuan     normalized queries and keys; a shared expert as wide as the others. Its config may list a value for each
                layer; layers that differ are refused

Source: modeling_<model type>.py and configuration_<model type>.py of transformers 5.23.0, and deepseek_v2.py
(DeepseekForCausalLM) of vLLM 0.33.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import interleaved_parts as parts
from ai_on_eks.descriptors.architectures import windows
from ai_on_eks.descriptors.architectures.hybrid_layers import read_heads
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.interleaved_parts import GATED, Attention, vector
from ai_on_eks.descriptors.architectures.latent_parts import Experts, Layers, dense, linear, norm
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

FAMILY = "transformer"

_TWO_NORMS = ("input_layernorm", "post_attention_layernorm")


class Traits(Struct, frozen=True):
    """What sets one model type apart: names of its hyper-parameters, and of its tensors below the layer.

    first    hyper-parameter with the number of dense layers before the sparse ones; None where all are sparse
    shared   width of the shared expert, given the config and the width of the others
    names    what the checkpoints call what is named after Llama's here
    """

    number: str
    chosen: str = "num_experts_per_tok"
    inner: str = "moe_intermediate_size"
    first: str | None = None
    shared: Callable[[Hyperparameters, int], int] = lambda _parameters, _inner: 0
    norms: tuple[str, ...] = _TWO_NORMS
    normed: bool = False
    gated: bool = False
    corrected: bool = False
    block: str = "mlp"
    router: str = "mlp.gate"
    matrices: tuple[str, str, str] = GATED
    window: windows.Rule = windows.NEVER
    names: tuple[tuple[str, str], ...] = ()


def _counted(key: str) -> Callable[[Hyperparameters, int], int]:
    def shared(parameters: Hyperparameters, inner: int) -> int:
        return 0 if parameters.is_null(key) else inner * parameters.integer(key, least=0)

    return shared


MODEL_TYPES: Mapping[str, Traits] = {
    "afmoe": Traits(
        "num_experts",
        first="num_dense_layers",
        shared=_counted("num_shared_experts"),
        norms=(*_TWO_NORMS, "pre_mlp_layernorm", "post_mlp_layernorm"),
        normed=True,
        gated=True,
        corrected=True,
        router="mlp.router.gate",
        window=windows.Rule(windows.Kind.ALTERNATE, period=4, periods=("global_attn_every_n_layers",)),
    ),
    "deepseek": Traits("n_routed_experts", first="first_k_dense_replace", shared=_counted("n_shared_experts")),
    "granitemoeshared": Traits(
        "num_local_experts",
        inner="intermediate_size",
        shared=lambda parameters, _inner: parameters.integer("shared_intermediate_size", least=0),
        block="block_sparse_moe",
        router="block_sparse_moe.router.layer",
    ),
    "hunyuan_v1_moe": Traits(
        "num_experts",
        chosen="moe_topk",
        inner="intermediate_size",
        shared=lambda _parameters, inner: inner,
        normed=True,
        router="mlp.gate.wg",
        names=(("q_norm", "query_layernorm"), ("k_norm", "key_layernorm"), ("shared_experts", "shared_mlp")),
    ),
}

_UNTIED: Mapping[str, Any] = {"tie_word_embeddings": False, "attention_bias": False}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "afmoe": {**_UNTIED, "head_dim": 128, "num_dense_layers": 1, "num_shared_experts": 2, "sliding_window": 1024},
    "deepseek": {**_UNTIED, "first_k_dense_replace": 0, "moe_layer_freq": 1},
    "granitemoeshared": {**_UNTIED, "num_local_experts": 8, "num_experts_per_tok": 2, "shared_intermediate_size": 0},
    "hunyuan_v1_moe": _UNTIED,
}
"""What transformers, or the code beside DeepSeek's weights, documents for a hyper-parameter that a published config may
leave out."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a mixture of experts, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    if model_type == "hunyuan_v1_moe":
        parameters = _alike(parameters)
    if model_type == "deepseek":
        every = parameters.integer("moe_layer_freq") == 1
        parameters.support("moe_layer_freq", every, "layers without experts after the first ones are not known")
    hidden, count = parameters.integer("hidden_size"), parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    first = min(count, parameters.integer(traits.first, least=0)) if traits.first else 0
    attention = _attention(traits, parameters, hidden, count)
    experts = _experts(traits, parameters, hidden)
    inner = parameters.integer("intermediate_size") if first else 0
    one = attention[0]
    size = parts.read_size(
        parameters, heads=one.heads, key_value_heads=one.key_value_heads, head_dimension=one.key_dimension
    )
    parameters.finish()
    every_layer, sparse = tuple(range(count)), tuple(range(first, count))
    tensors = (
        *(_gate(one, every_layer) if traits.gated else ()),
        *dense(hidden, inner, every_layer[:first]),
        *parts.router(traits.router, experts, sparse),
        *parts.expert_matrices(experts, sparse, f"{traits.block}.experts", traits.matrices),
        *_shared(model_type, experts, sparse),
        *(_correction(experts, sparse) if traits.corrected and sparse else ()),
        *(norm(name, hidden, every_layer) for name in traits.norms),
    )
    live = experts.beside(3 * inner) if sparse else Live(3 * inner)
    found = parts.assemble(model_type, size, attention, tensors, feed_forward_live=live)
    return replace(found, tensors=tuple(_renamed(tensor, traits) for tensor in found.tensors))


def _attention(traits: Traits, parameters: Hyperparameters, hidden: int, count: int) -> tuple[Attention, ...]:
    heads, groups, dimension = read_heads(parameters, hidden)
    biased = parameters.flag("attention_bias")
    by_layer = windows.windows_of_layers(traits.window, count, parameters)
    return tuple(
        Attention(
            numbered, hidden, heads, groups, dimension, dimension, window=window, input_bias=biased,
            output_bias=biased, normed=traits.normed,
        )
        for window, numbered in windows.layers_by_window(by_layer)
    )  # fmt: skip


def _experts(traits: Traits, parameters: Hyperparameters, hidden: int) -> Experts:
    number, chosen = parameters.integer(traits.number), parameters.integer(traits.chosen)
    message = f"a token passes {chosen} of {number} experts"
    parameters.relate((traits.number, traits.chosen), chosen <= number, message)
    inner = parameters.integer(traits.inner)
    return Experts(hidden, number, min(chosen, number), inner, traits.shared(parameters, inner))


def _alike(parameters: Hyperparameters) -> Hyperparameters:
    """Hunyuan's config with one value where it lists the same for every layer. What only Hunyuan-Large has is refused:
    layers that share keys and values."""
    parameters.support("use_cla", parameters.value("use_cla") is not True, "layers that share keys are not known")
    for key in ("num_shared_expert", "moe_intermediate_size", "attention_head_dim"):
        given = parameters.value(key)
        values = set(given if isinstance(given, list) else () if given is None else (given,))
        hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
        wanted = {
            "num_shared_expert": 1,
            "moe_intermediate_size": parameters.integer("intermediate_size"),
            "attention_head_dim": parameters.integer_or("head_dim", max(1, hidden // heads)),
        }[key]
        parameters.support(key, values <= {wanted}, f"other than {wanted} in every layer is not known")
    return parameters.uniform("num_experts").uniform("moe_topk")


def _gate(one: Attention, layers: Layers) -> tuple[Tensor, ...]:
    size = (one.heads * one.value_dimension, one.hidden)
    return (linear("self_attn.gate_proj", size, TensorRole.ATTENTION, Sharding.SPLIT, layers),)


def _shared(model_type: str, experts: Experts, layers: Layers) -> tuple[Tensor, ...]:
    if not experts.shared:
        return ()
    if model_type != "granitemoeshared":
        return dense(experts.hidden, experts.shared, layers, "mlp.shared_experts")
    role, split = TensorRole.FEED_FORWARD, Sharding.SPLIT
    return (
        linear("shared_mlp.input_linear", (2 * experts.shared, experts.hidden), role, split, layers),
        linear("shared_mlp.output_linear", (experts.hidden, experts.shared), role, split, layers),
    )


def _correction(experts: Experts, layers: Layers) -> tuple[Tensor, ...]:
    return (vector("mlp.expert_bias", experts.number, TensorRole.ROUTER, Sharding.REPLICATED, layers),)


def _renamed(tensor: Tensor, traits: Traits) -> Tensor:
    name = tensor.name
    for ours, theirs in traits.names:
        name = name.replace(f".{ours}.", f".{theirs}.")
    return replace(tensor, name=name)
