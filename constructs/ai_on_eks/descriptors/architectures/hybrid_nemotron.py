"""Nemotron-H and Nemotron 3: every layer is one thing only, as a pattern says.

    M  Mamba-2 mixer     *  attention without positions     -  feed-forward 2 × H × I (squared ReLU, no gate)
    E  experts of 2 × W × I each, a shared expert of 2 × H × S, router E × H;
       with latent experts W = moe_latent_size and 2 × H × W to narrow and widen, whole on every rank; else W = H

    layer  one of them + norm H

The layers that predict a further token, in a pattern of their own, are in the checkpoints and serve speculative
decoding only: they count as unserved. The router's correction bias is a buffer. Neither library ties the head to the
embedding, whatever `tie_word_embeddings` says. vLLM keeps the state of Mamba in the data type that
`mamba_ssm_cache_dtype` names, float32 where the config says nothing.

Names are those of the published checkpoints (`backbone.`). Source: modeling_nemotron_h.py of transformers 5.23.0;
nemotron_h.py, nemotron_h_mtp.py and config.py (NemotronHForCausalLMConfig) of vLLM 0.33.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.hybrid_blocks import Block, Frame, Layers, assemble, has_head, numbers
from ai_on_eks.descriptors.architectures.hybrid_layers import (
    UNGATED,
    Attention,
    attention,
    experts,
    feed_forward,
    read_experts,
    shared_expert,
)
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.state_space_mixers import Mamba2, mamba2, state_bits
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

FAMILY = "hybrid"
MODEL_TYPES = ("nemotron_h",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "nemotron_h": {
        "head_dim": 128,
        "num_key_value_heads": 8,
        "ssm_state_size": 128,
        "mamba_num_heads": 128,
        "mamba_head_dim": 64,
        "n_groups": 8,
        "conv_kernel": 4,
        "chunk_size": 128,
        "use_conv_bias": True,
        "use_bias": False,
        "mlp_bias": False,
        "mamba_ssm_cache_dtype": "float32",
        "num_experts_per_tok": 2,
        "num_nextn_predict_layers": 0,
        "mtp_hybrid_override_pattern": "*E",
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_MAMBA, _ATTENTION, _DENSE, _SPARSE = "M", "*", "-", "E"
_WORDS: Mapping[str, str] = {
    "mamba": _MAMBA,
    "linear_attention": _MAMBA,
    "attention": _ATTENTION,
    "full_attention": _ATTENTION,
    "mlp": _DENSE,
    "moe": _SPARSE,
}
"""Words of `layers_block_type` -> letters of `hybrid_override_pattern`."""

_PREFIX = "backbone.layers.*"
_PREDICTING = "mtp.layers.*"
MAX_PREDICTING = 8
"""Further tokens predicted; published models predict one."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a Nemotron-H, or an InputError with everything that is missing."""
    kinds = _pattern(parameters, "layers_block_type", "hybrid_override_pattern")
    hidden, heads = parameters.integer("hidden_size"), parameters.integer("num_attention_heads")
    key_value_heads = parameters.integer_or("num_key_value_heads", heads)
    message = f"{key_value_heads} key/value heads do not divide {heads} attention heads"
    parameters.relate(("num_attention_heads", "num_key_value_heads"), heads % key_value_heads == 0, message)
    attending = Attention(hidden, heads, key_value_heads, parameters.integer("head_dim"), name="mixer")
    frame = Frame(
        layers=len(kinds),
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        heads=heads,
        key_value_heads=key_value_heads,
        has_head=has_head(parameters),
        tied=False,
        embedding="backbone.embeddings.weight",
        last_norm="backbone.norm_f.weight",
    )
    blocks = _blocks(_PREFIX, kinds, attending, parameters)
    predicting = _predicting(attending, parameters)
    parameters.finish()
    return replace(assemble(model_type, frame, blocks), unserved_tensors=predicting)


def _blocks(prefix: str, kinds: tuple[str, ...], attending: Attention, parameters: Hyperparameters) -> list[Block]:
    """One block for each kind of layer there is, and the norm of every layer."""
    hidden = attending.hidden

    def layers(kind: str) -> Layers:
        return Layers(prefix, numbers(kinds, kind))

    blocks = [Block((Layers(prefix, tuple(range(len(kinds)))).norm("norm", hidden),))]
    blocks.append(attention(layers(_ATTENTION), attending))
    if _MAMBA in kinds:
        blocks.append(mamba2(layers(_MAMBA), _mixer(parameters, hidden)))
    if _DENSE in kinds:
        blocks.append(_dense(layers(_DENSE), parameters, hidden))
    if _SPARSE in kinds:
        blocks += _sparse(layers(_SPARSE), parameters, hidden)
    return blocks


def _predicting(attending: Attention, parameters: Hyperparameters) -> tuple[Tensor, ...]:
    """The layers that predict a further token: the first takes the last hidden state beside the embedding."""
    count = parameters.integer("num_nextn_predict_layers", least=0, most=MAX_PREDICTING)
    if count == 0:
        return ()
    kinds = _pattern(parameters, "mtp_layers_block_type", "mtp_hybrid_override_pattern") * count
    hidden = attending.hidden
    steps = range(0, len(kinds), max(1, len(kinds) // count))
    first = Layers(_PREDICTING, tuple(steps))
    ends = (
        first.matrix("eh_proj", hidden, 2 * hidden, TensorRole.FEED_FORWARD, Sharding.REPLICATED),
        *(first.norm(name, hidden) for name in ("enorm", "hnorm")),
        Layers(_PREDICTING, tuple(step + len(kinds) // count - 1 for step in steps)).norm("final_layernorm", hidden),
    )
    blocks = _blocks(_PREDICTING, kinds, attending, parameters)
    return (*ends, *(tensor for block in blocks for tensor in block.tensors if tensor.count))


def _pattern(parameters: Hyperparameters, words_key: str, letters_key: str) -> tuple[str, ...]:
    """One letter for every layer, from a list of words or a text of letters."""
    words = parameters.layer_kinds(words_key, tuple(_WORDS))
    if words:
        return tuple(_WORDS[word] for word in words)
    letters = parameters.text(letters_key)
    strange = sorted(set(letters) - set(_WORDS.values()))
    message = f"no kind of layer is known for {', '.join(repr(letter) for letter in strange[:8])}"
    parameters.support(letters_key, not strange, message)
    return tuple(letters)


def _mixer(parameters: Hyperparameters, hidden: int) -> Mamba2:
    bias = parameters.flag("use_bias")
    return Mamba2(
        hidden=hidden,
        heads=parameters.integer("mamba_num_heads"),
        head_dimension=parameters.integer("mamba_head_dim"),
        groups=parameters.integer("n_groups"),
        state=parameters.integer("ssm_state_size"),
        kernel=parameters.integer("conv_kernel"),
        chunk=parameters.integer("chunk_size"),
        in_bias=bias,
        out_bias=bias,
        window_bias=parameters.flag("use_conv_bias"),
        state_bits=state_bits(parameters, "mamba_ssm_cache_dtype"),
    )


def _dense(layers: Layers, parameters: Hyperparameters, hidden: int) -> Block:
    inner, bias = parameters.integer("intermediate_size"), parameters.flag("mlp_bias")
    return feed_forward(layers, "mixer", hidden, inner, bias=bias, names=UNGATED)


def _sparse(layers: Layers, parameters: Hyperparameters, hidden: int) -> tuple[Block, ...]:
    """The shared expert has run before the others; every rank has both latent projections."""
    shape = replace(
        read_experts(parameters, "n_routed_experts", "moe_intermediate_size", hidden),
        shared=parameters.integer("moe_shared_expert_intermediate_size"),
        latent=parameters.integer("moe_latent_size") if parameters.has("moe_latent_size") else None,
    )
    bias = parameters.flag("mlp_bias")
    parameters.support("mlp_bias", not bias, "experts with a bias are not known")
    narrowing = {} if shape.latent is None else {"fc1": (shape.latent, hidden), "fc2": (hidden, shape.latent)}
    role, whole = TensorRole.FEED_FORWARD, Sharding.REPLICATED
    return (
        experts(layers, "mixer", shape, names=UNGATED),
        shared_expert(layers, "mixer.shared_experts", shape, names=UNGATED),
        Block(
            tuple(layers.matrix(f"mixer.{name}_latent_proj", *size, role, whole) for name, size in narrowing.items())
        ),
    )
