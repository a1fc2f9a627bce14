"""Decoders whose feed-forward layers are mixtures of experts: Mixtral, Qwen MoE, MiniMax-M2, gpt-oss.

Attention, norms and embeddings are those of `decoder_parts`. In a sparse layer, with hidden size H, E experts of
intermediate size I of which a token passes k, and a shared expert of S that every token passes:

    router        E × H                                      whole on every rank, never quantized
    experts       E × 3 × H × I          active k × 3 × H × I
    shared        3 × H × S + H                              the H is the gate that weighs it
    dense layer   3 × H × intermediate_size                  where the config makes a layer dense

    operations per token   from the active experts only, and the router
    activations per token  H + max(attention,  H + max(E + k × (max(I, H) + max(2I, H)) + H,  3S))
        the residual and the block's input; beside them the router's scores, for each of the k experts one buffer for
        its activation and one for its products (vLLM, TritonExperts.workspace_shapes), and the shared expert's output,
        where there is one; or, before that, the shared expert at work

Tensor parallelism divides every expert's intermediate dimension over the ranks, so that each rank has a slice of all
experts. Source: FusedMoE of vLLM (model_executor/layers/fused_moe/layer.py: intermediate_size_per_partition =
intermediate_size // tp_size), where expert parallelism is off, which it is unless `--enable-expert-parallel` asks for
it. Its router is a ReplicatedLinear.

The published quantized checkpoints leave the router in 16 bit: Qwen3-30B-A3B-FP8 ("mlp.gate" under
modules_to_not_convert), MiniMax-M2.5 ("gate"), gpt-oss ("mlp.router"), and the NVFP4 ones of NVIDIA. gpt-oss leaves the
attention as well. The gate of a shared expert, one row, is treated as the router.

Expert tensors are listed one matrix at a time, also where a checkpoint stores the experts of a layer in one tensor.
The correction bias of MiniMax's router, E values a layer, is a buffer and no parameter.
Names and shapes are those of the published checkpoints. Source: modeling_<model type>.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import decoder_parts, windows
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

FAMILY = "transformer"

GENERAL = "num_local_experts"
ONE_MATRIX_EACH = ("gate_proj", "up_proj", "down_proj")


class Traits(Struct, frozen=True):
    """What sets one model type apart.

    block               where the router and the experts are, below the layer
    experts             hyper-parameter with the number of experts
    expert_size         hyper-parameter with an expert's intermediate size
    matrices            names of an expert's gate, up and down projection
    sinks               one learned score per attention head
    expert_bias         experts and router have a bias
    mixed               some layers may be dense: mlp_only_layers, decoder_sparse_step
    shared              every token passes a shared expert as well
    quantized_attention published quantized checkpoints have the attention quantized too
    assumed             what sizing leaves out of this model type
    """

    attention: decoder_parts.Traits
    block: str = "mlp"
    router: str = "gate"
    experts: str = "num_local_experts"
    expert_size: str = "intermediate_size"
    matrices: tuple[str, str, str] = ONE_MATRIX_EACH
    sinks: bool = False
    expert_bias: bool = False
    mixed: bool = False
    shared: bool = False
    quantized_attention: bool = True
    assumed: tuple[str, ...] = ()


PADDING = (
    "4-bit kernels pad experts to widths of their own, which is not counted: 5 % of the weights of gpt-oss-20b "
    "(13.47 GiB measured with vLLM 0.11 on H100, 12.82 GiB without padding)"
)


MODEL_TYPES: Mapping[str, Traits] = {
    "mixtral": Traits(
        decoder_parts.Traits(window=windows.EVERY), block="block_sparse_moe", matrices=("w1", "w3", "w2")
    ),
    "qwen2_moe": Traits(
        decoder_parts.Traits(input_bias="qkv_bias", window=windows.SWITCHED_LOWER),
        experts="num_experts",
        expert_size="moe_intermediate_size",
        mixed=True,
        shared=True,
    ),
    "qwen3_moe": Traits(
        decoder_parts.Traits(
            input_bias="attention_bias",
            output_bias="attention_bias",
            query_key_norms=True,
            window=windows.SWITCHED_EVERY,
        ),
        experts="num_experts",
        expert_size="moe_intermediate_size",
        mixed=True,
    ),
    "minimax_m2": Traits(
        decoder_parts.Traits(query_key_norms=True, query_key_width=decoder_parts.Width.ALL_HEADS),
        block="block_sparse_moe",
        matrices=("w1", "w3", "w2"),
    ),
    "gpt_oss": Traits(
        decoder_parts.Traits(input_bias="attention_bias", output_bias="attention_bias", window=windows.HALF),
        router="router",
        sinks=True,
        expert_bias=True,
        quantized_attention=False,
        assumed=(PADDING,),
    ),
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "mixtral": {"tie_word_embeddings": False, "num_key_value_heads": 8},
    "qwen2_moe": {
        "tie_word_embeddings": False,
        "num_key_value_heads": 16,
        "qkv_bias": True,
        "decoder_sparse_step": 1,
        "max_window_layers": 28,
    },
    "qwen3_moe": {
        "tie_word_embeddings": False,
        "num_key_value_heads": 4,
        "attention_bias": False,
        "decoder_sparse_step": 1,
    },
    "minimax_m2": {"tie_word_embeddings": False, "num_key_value_heads": 8, "head_dim": 128},
    "gpt_oss": {
        "tie_word_embeddings": False,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "attention_bias": True,
        "sliding_window": 128,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""


class _Experts(Struct, frozen=True):
    """The sparse layers' own dimensions. `shared` is 0 where no shared expert is."""

    sparse: tuple[int, ...]
    number: int
    chosen: int
    intermediate: int
    shared: int

    @property
    def layers(self) -> int:
        return len(self.sparse)


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a mixture of experts, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    experts = _experts(traits, parameters)
    dense = tuple(sorted(set(range(parameters.integer("num_hidden_layers", most=MAX_LAYERS))) - set(experts.sparse)))
    shape = decoder_parts.read_shape(traits.attention, parameters, reads_intermediate=bool(dense))
    parameters.finish()
    layers = (
        *_attention(shape, traits),
        *(_only_in(dense, decoder_parts.feed_forward(replace(shape, layers=len(dense)), traits.attention))),
        *_only_in(experts.sparse, _router(shape, traits, experts)),
        *_only_in(experts.sparse, _expert_tensors(shape, traits, experts)),
        *(_only_in(experts.sparse, _shared(shape, experts)) if experts.shared else ()),
        *decoder_parts.norms(shape, traits.attention),
    )
    live = Live(3 * shape.intermediate)
    if experts.layers:
        whole = _live(shape, replace(experts, intermediate=0))
        live = Live(max(live.values, _live(shape, experts)), whole)
    return decoder_parts.assemble(
        model_type, traits.attention, shape, layers, feed_forward_live=live, estimated=traits.assumed
    )


def _experts(traits: Traits, parameters: Hyperparameters) -> _Experts:
    # newer versions of the library write the general name for any
    key = traits.experts if parameters.has(traits.experts) or not parameters.has(GENERAL) else GENERAL
    number = parameters.integer(key)
    chosen = parameters.integer("num_experts_per_tok")
    parameters.relate((key, "num_experts_per_tok"), chosen <= number, f"a token passes {chosen} of {number} experts")
    return _Experts(
        sparse=_sparse_layers(traits, parameters),
        number=number,
        chosen=chosen,
        intermediate=parameters.integer(traits.expert_size),
        shared=parameters.integer("shared_expert_intermediate_size") if traits.shared else 0,
    )


def _sparse_layers(traits: Traits, parameters: Hyperparameters) -> tuple[int, ...]:
    """Every `decoder_sparse_step`th layer, counted from one, less those that mlp_only_layers numbers from zero."""
    layers = parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    if not traits.mixed:
        return tuple(range(layers))
    step = parameters.integer("decoder_sparse_step")
    dense = set(parameters.layer_numbers("mlp_only_layers"))
    return tuple(layer for layer in range(layers) if layer not in dense and (layer + 1) % step == 0)


def _only_in(layers: tuple[int, ...], tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The tensors with the numbers of their layers, where these are not the first ones; none where there is none."""
    if not layers:
        return ()
    if layers == tuple(range(len(layers))):
        return tensors
    return tuple(replace(tensor, layers=layers) for tensor in tensors)


def _attention(shape: decoder_parts.Shape, traits: Traits) -> tuple[Tensor, ...]:
    tensors = decoder_parts.attention(shape, traits.attention)
    if traits.sinks:
        name = "model.layers.*.self_attn.sinks"
        tensors += (Tensor(name, (shape.heads,), TensorRole.ATTENTION, Sharding.SPLIT, shape.layers),)
    if traits.quantized_attention:
        return tensors
    return tuple(replace(tensor, quantizable=False) for tensor in tensors)


def _router(shape: decoder_parts.Shape, traits: Traits, experts: _Experts) -> tuple[Tensor, ...]:
    if not experts.layers:
        return ()
    name, role = f"model.layers.*.{traits.block}.{traits.router}", TensorRole.ROUTER
    size = (experts.number, shape.hidden)
    weight = Tensor(f"{name}.weight", size, role, Sharding.REPLICATED, experts.layers)
    if not traits.expert_bias:
        return (weight,)
    return (weight, Tensor(f"{name}.bias", size[:1], role, Sharding.REPLICATED, experts.layers))


def _expert_tensors(shape: decoder_parts.Shape, traits: Traits, experts: _Experts) -> tuple[Tensor, ...]:
    """The bias of the down projection is added once, after the ranks' parts: whole on every rank."""
    if not experts.layers:
        return ()
    prefix = f"model.layers.*.{traits.block}.experts.*"
    gate, up, down = traits.matrices
    inner, hidden = experts.intermediate, shape.hidden
    sizes = {gate: (inner, hidden), up: (inner, hidden), down: (hidden, inner)}

    def tensor(name: str, size: tuple[int, ...], sharding: Sharding, *, quantizable: bool) -> Tensor:
        return Tensor(
            f"{prefix}.{name}",
            size,
            TensorRole.EXPERT,
            sharding,
            count=experts.layers * experts.number,
            quantizable=quantizable,
            active_count=experts.layers * experts.chosen,
            per_layer=experts.number,
        )

    weights = [tensor(f"{name}.weight", size, Sharding.SPLIT, quantizable=True) for name, size in sizes.items()]
    if not traits.expert_bias:
        return tuple(weights)
    biases = [
        tensor(f"{name}.bias", size[:1], Sharding.REPLICATED if name == down else Sharding.SPLIT, quantizable=False)
        for name, size in sizes.items()
    ]
    return (*weights, *biases)


def _shared(shape: decoder_parts.Shape, experts: _Experts) -> tuple[Tensor, ...]:
    """The expert that every token passes: a dense layer beside the others, and the gate that weighs it."""
    if not experts.layers:
        return ()
    size = replace(shape, layers=experts.layers, intermediate=experts.shared)
    dense = decoder_parts.feed_forward(size, decoder_parts.Traits())
    renamed = (replace(tensor, name=tensor.name.replace(".mlp.", ".mlp.shared_expert.")) for tensor in dense)
    name = "model.layers.*.mlp.shared_expert_gate.weight"
    gate = Tensor(name, (1, shape.hidden), TensorRole.ROUTER, Sharding.REPLICATED, experts.layers)
    return (*renamed, gate)


def _live(shape: decoder_parts.Shape, experts: _Experts) -> int:
    """Elements per token beside the residual while the experts work; the shared one has run before them."""
    inner, hidden = experts.intermediate, shape.hidden
    routed = experts.chosen * (max(inner, hidden) + max(2 * inner, hidden))
    shared_output = hidden if experts.shared else 0
    return hidden + max(experts.number + routed + shared_output, 3 * experts.shared)
