"""Further mixtures of experts with attention of one kind: GLM-4.5, ERNIE 4.5, OLMoE, Granite, Phi-3.5-MoE and others.

    attention, norms, embeddings   as in `decoder_parts`
    router, experts, shared, dense as in `latent_parts`; a shared expert is as wide as so many of the others

    GLM-4.5, dots.llm1, EXAONE     the first layers dense, or those that mlp_layer_types names; shared experts
    ERNIE 4.5                      layers from moe_layer_start_index to …_end_index, every moe_layer_interval-th; its
                                   router's correction is a parameter
    Granite, OLMoE, FlexOlmo, Phi-3.5-MoE   experts in every layer, none shared

Prediction layers are not counted: serving leaves them out unless it speculates.
Names and shapes are those of the published checkpoints, one matrix per expert.
Source: modeling_<model type>.py and configuration_<model type>.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import decoder_parts, interleaved_parts, windows
from ai_on_eks.descriptors.architectures.decoder_parts import AFTER_EACH, Shape, Width
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.interleaved_parts import GATED, numbers, vector
from ai_on_eks.descriptors.architectures.latent_parts import Experts, dense
from ai_on_eks.descriptors.inventory import Inventory, Live, Sharding, Tensor, TensorRole

FAMILY = "transformer"


class Traits(Struct, frozen=True):
    """What sets one model type apart: names of its hyper-parameters, and of its blocks below the layer.

    first       hyper-parameter with the number of dense layers before the sparse ones; None where all are sparse
    shared      hyper-parameter with the number of shared experts; None where there are none
    head_bias   hyper-parameter that gives the head a bias
    correction  name of the router's correction, where it is a parameter
    """

    attention: decoder_parts.Traits
    number: str
    inner: str = "moe_intermediate_size"
    chosen: str = "num_experts_per_tok"
    first: str | None = None
    shared: str | None = None
    block: str = "mlp"
    router: str = "gate"
    matrices: tuple[str, str, str] = GATED
    head_bias: str | None = None
    correction: str = ""


_BIASED = decoder_parts.Traits(input_bias="attention_bias", output_bias="attention_bias")
_OLMOE = replace(_BIASED, query_key_norms=True, query_key_width=Width.ALL_HEADS)

MODEL_TYPES: Mapping[str, Traits] = {
    "dots1": Traits(
        replace(_BIASED, query_key_norms=True, window=windows.Rule(windows.Kind.UPPER)),
        "n_routed_experts",
        first="first_k_dense_replace",
        shared="n_shared_experts",
    ),
    "ernie4_5_moe": Traits(
        decoder_parts.Traits(),
        "moe_num_experts",
        chosen="moe_k",
        first="moe_layer_start_index",
        shared="moe_num_shared_experts",
        correction="mlp.moe_statics.e_score_correction_bias",
    ),
    "exaone_moe": Traits(
        decoder_parts.Traits(
            query_key_norms=True,
            window=windows.Rule(windows.Kind.ALTERNATE, period=4, periods=("sliding_window_pattern",)),
        ),
        "num_experts",
        first="first_k_dense_replace",
        shared="num_shared_experts",
    ),
    "flex_olmo": Traits(replace(_OLMOE, norms=AFTER_EACH), "num_experts", inner="intermediate_size"),
    "glm4_moe": Traits(
        decoder_parts.Traits(input_bias="attention_bias", query_key_norms="use_qk_norm"),
        "n_routed_experts",
        first="first_k_dense_replace",
        shared="n_shared_experts",
    ),
    "granitemoe": Traits(
        _BIASED, "num_local_experts", inner="intermediate_size", block="block_sparse_moe", router="router.layer"
    ),
    "olmoe": Traits(_OLMOE, "num_experts", inner="intermediate_size"),
    "phimoe": Traits(
        replace(_BIASED, norm_bias=True, window=windows.EVERY),
        "num_local_experts",
        inner="intermediate_size",
        block="block_sparse_moe",
        matrices=("w1", "w3", "w2"),
        head_bias="lm_head_bias",
    ),
    "solar_open": Traits(
        decoder_parts.Traits(input_bias="attention_bias"), "n_routed_experts", shared="n_shared_experts"
    ),
}

_UNTIED: Mapping[str, Any] = {"tie_word_embeddings": False, "attention_bias": False}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "dots1": {**_UNTIED, "num_key_value_heads": 32, "first_k_dense_replace": 0, "max_window_layers": 62},
    "ernie4_5_moe": {
        "tie_word_embeddings": True,
        "num_key_value_heads": 4,
        "use_bias": False,
        "moe_k": 6,
        "moe_num_shared_experts": 2,
        "moe_layer_start_index": 1,
        "moe_layer_interval": 1,
    },
    "exaone_moe": {
        "tie_word_embeddings": False,
        "num_key_value_heads": 32,
        "first_k_dense_replace": 1,
        "num_shared_experts": 1,
        "sliding_window": 4096,
    },
    "flex_olmo": _UNTIED,
    "glm4_moe": {
        **_UNTIED,
        "num_key_value_heads": 8,
        "use_qk_norm": False,
        "first_k_dense_replace": 1,
        "n_shared_experts": 1,
    },
    "granitemoe": _UNTIED,
    "olmoe": _UNTIED,
    "phimoe": {**_UNTIED, "num_key_value_heads": 8, "lm_head_bias": False},
    "solar_open": {
        **_UNTIED,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "n_shared_experts": 1,
        "num_experts_per_tok": 8,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a mixture of experts, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    flags = _sparse_layers(traits, parameters)
    sparse, whole = numbers(flags), numbers(flags, of=False)
    shape = decoder_parts.read_shape(traits.attention, parameters, reads_intermediate=bool(whole))
    experts = _experts(traits, parameters, shape)
    head_biased = traits.head_bias is not None and parameters.flag(traits.head_bias)
    if model_type == "ernie4_5_moe":
        parameters.support("use_bias", not parameters.flag("use_bias"), "experts with a bias are not known")
    parameters.finish()
    layers = (
        *decoder_parts.attention(shape, traits.attention),
        *dense(shape.hidden, shape.intermediate, whole),
        *interleaved_parts.router(f"{traits.block}.{traits.router}", experts, sparse),
        *interleaved_parts.expert_matrices(experts, sparse, f"{traits.block}.experts", traits.matrices),
        *(dense(shape.hidden, experts.shared, sparse, f"{traits.block}.shared_experts") if experts.shared else ()),
        *_correction(traits, experts, sparse),
        *decoder_parts.norms(shape, traits.attention),
    )
    bias = Tensor("lm_head.bias", (shape.vocabulary,), TensorRole.HEAD, Sharding.SPLIT)
    return decoder_parts.assemble(
        model_type,
        traits.attention,
        shape,
        layers,
        feed_forward_live=experts.beside(3 * shape.intermediate) if sparse else Live(3 * shape.intermediate),
        head=(bias,) if head_biased else (),
    )


def _sparse_layers(traits: Traits, parameters: Hyperparameters) -> tuple[bool, ...]:
    layers = parameters.integer("num_hidden_layers", most=MAX_LAYERS)
    if traits.first is None:
        return (True,) * layers
    words = parameters.layer_kinds("mlp_layer_types", ("dense", "sparse"))
    message = f"{len(words)} words for {layers} layers"
    parameters.relate(("num_hidden_layers", "mlp_layer_types"), not words or len(words) >= layers, message)
    if words:
        return tuple(word == "sparse" for word in words[:layers])
    first = parameters.integer(traits.first, least=0)
    step = parameters.integer_or("moe_layer_interval", 1) if traits.first == "moe_layer_start_index" else 1
    last = layers - 1
    if traits.first == "moe_layer_start_index" and parameters.value("moe_layer_end_index") != -1:
        last = parameters.integer_or("moe_layer_end_index", last)
    return tuple(first <= layer <= last and (layer + 1) % step == 0 for layer in range(layers))


def _experts(traits: Traits, parameters: Hyperparameters, shape: Shape) -> Experts:
    number, chosen = parameters.integer(traits.number), parameters.integer(traits.chosen)
    message = f"a token passes {chosen} of {number} experts"
    parameters.relate((traits.number, traits.chosen), chosen <= number, message)
    inner = parameters.integer(traits.inner)
    shared = 0
    if traits.shared is not None and not parameters.is_null(traits.shared):
        shared = inner * parameters.integer(traits.shared, least=0)
    return Experts(shape.hidden, number, chosen, inner, shared)


def _correction(traits: Traits, experts: Experts, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
    if not traits.correction or not layers:
        return ()
    return (vector(traits.correction, experts.number, TensorRole.ROUTER, Sharding.REPLICATED, layers),)
