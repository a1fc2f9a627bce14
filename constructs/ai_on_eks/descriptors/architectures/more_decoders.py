"""Further decoders with one kind of layer throughout, told apart by `decoder_parts.Traits` alone.

    Gemma 1, 3, VaultGemma  heads of their own width; Gemma 3 has a window in five layers of six and normalizes queries
                            and keys
    OLMo 1, 2, 3            norms without weights; then after each block, and of all queries at once; then windows
    Command R (Cohere)      one norm for attention and feed-forward side by side
    Granite, SmolLM3, Helium, Ministral, Seed-OSS, ERNIE 4.5, Hunyuan    Llama, with biases or norms of their own
    GLM-4                   gate and up projection stored as one; the later generation has two more norms
    EXAONE 4                norms after each block, windows in three layers of four
    StarCoder2, Nemotron, AFM (Arcee), Jais 2   two-layer feed-forward networks
    Apertus                 the same, normalized queries and keys, an activation function with two learned scalars
    CWM                     windows in three layers of four, the first of which has none
    HyperCLOVA X            Granite with two more norms; InternLM3, MiniCPM and Orion are Llama, with biases and scales
    StableLM                attention and feed-forward side by side where use_parallel_residual says so

Names and shapes are those of the published checkpoints.
Source: modeling_<model type>.py and configuration_<model type>.py of transformers 5.23.0, read 2026-11-24; for
InternLM3, MiniCPM and Orion, whose code lies beside their weights, llama.py, minicpm.py and orion.py of vLLM 0.33.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import decoder, windows
from ai_on_eks.descriptors.architectures.decoder_parts import AFTER_EACH, AROUND_EACH, BEFORE_EACH, Traits, Width
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "transformer"

_QUARTER = windows.Rule(windows.Kind.ALTERNATE, period=4)
_LLAMA = Traits(input_bias="attention_bias", output_bias="attention_bias", feed_forward_bias="mlp_bias")
_ALL_BIASED = Traits(input_bias="use_bias", output_bias="use_bias", feed_forward_bias="use_bias")
_OLMO_2 = replace(
    _LLAMA, feed_forward_bias=False, norms=AFTER_EACH, query_key_norms=True, query_key_width=Width.ALL_HEADS
)
_ONE_NORM = replace(_LLAMA, feed_forward_bias=False, norms=("input_layernorm",))

MODEL_TYPES: Mapping[str, Traits] = {
    "apertus": Traits(
        input_bias="attention_bias",
        output_bias="attention_bias",
        norms=("attention_layernorm", "feedforward_layernorm"),
        query_key_norms=True,
        matrices=("up_proj", "down_proj"),
        activation=("alpha_n", "alpha_p"),
    ),
    "arcee": replace(_LLAMA, matrices=("up_proj", "down_proj")),
    "cohere": replace(_ONE_NORM, query_key_norms="use_qk_norm", query_key_width=Width.EACH_HEAD),
    "cohere2": replace(_ONE_NORM, window=replace(_QUARTER, periods=("sliding_window_pattern",))),
    "cwm": Traits(feed_forward_bias="mlp_bias", window=windows.Rule(windows.Kind.ALTERNATE, period=4, first_full=True)),
    "ernie4_5": _ALL_BIASED,
    "exaone4": Traits(
        norms=AFTER_EACH, query_key_norms=True, window=replace(_QUARTER, periods=("sliding_window_pattern",))
    ),
    "gemma": replace(_LLAMA, feed_forward_bias=False),
    "gemma3_text": replace(
        _LLAMA,
        feed_forward_bias=False,
        norms=AROUND_EACH,
        query_key_norms=True,
        window=windows.Rule(
            windows.Kind.ALTERNATE, period=6, periods=("sliding_window_pattern", "_sliding_window_pattern")
        ),
    ),
    "glm": Traits(input_bias="attention_bias", fused_gate=True),
    "glm4": Traits(
        input_bias="attention_bias",
        fused_gate=True,
        norms=(*BEFORE_EACH, "post_self_attn_layernorm", "post_mlp_layernorm"),
    ),
    "granite": _LLAMA,
    "helium": replace(_LLAMA, output_bias=False),
    "hunyuan_v1_dense": replace(
        _LLAMA, feed_forward_bias=False, query_key_norms=True, query_key_names=("query_layernorm", "key_layernorm")
    ),
    "hyperclovax": _LLAMA,
    "internlm3": Traits(input_bias="qkv_bias", output_bias="bias", feed_forward_bias="bias"),
    "jais2": replace(_LLAMA, norm_bias=True, matrices=("up_proj", "down_proj")),
    "minicpm": Traits(),
    "ministral": Traits(window=windows.EVERY),
    "ministral3": Traits(window=windows.EVERY),
    "nemotron": replace(_LLAMA, norm_bias=True, matrices=("up_proj", "down_proj")),
    "olmo": replace(_LLAMA, feed_forward_bias=False, norms=(), final_norm=""),
    "olmo2": _OLMO_2,
    "olmo3": replace(_OLMO_2, window=_QUARTER),
    "orion": Traits(norm_bias=True),
    "seed_oss": replace(_LLAMA, output_bias="attention_out_bias"),
    "smollm3": replace(_LLAMA, window=replace(windows.NAMED, switch="use_sliding_window")),
    "stablelm": Traits(
        input_bias="use_qkv_bias",
        norm_bias=True,
        query_key_norms="qk_layernorm",
        query_key_names=("q_layernorm", "k_layernorm"),
        query_key_width=Width.NORM_PER_HEAD,
    ),
    "starcoder2": replace(_ALL_BIASED, norm_bias=True, matrices=("c_fc", "c_proj"), window=windows.EVERY),
    "vaultgemma": replace(
        _LLAMA,
        feed_forward_bias=False,
        norms=("input_layernorm", "pre_feedforward_layernorm"),
        window=windows.HALF,
    ),
}

_UNTIED: Mapping[str, Any] = {"tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False}
_TIED: Mapping[str, Any] = {"tie_word_embeddings": True, "attention_bias": False}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "apertus": {"tie_word_embeddings": False, "attention_bias": False},
    "arcee": _UNTIED,
    "cohere": {**_TIED, "use_qk_norm": False},
    "cohere2": {**_TIED, "sliding_window": 4096},
    "cwm": {**_UNTIED, "num_key_value_heads": 8, "head_dim": 128, "sliding_window": 8192},
    "ernie4_5": {"tie_word_embeddings": True, "use_bias": False, "head_dim": 128, "num_key_value_heads": 2},
    "exaone4": {"tie_word_embeddings": False, "num_key_value_heads": 32},
    "gemma": {**_TIED, "head_dim": 256, "num_key_value_heads": 16},
    "gemma3_text": {
        **_TIED,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
    },
    "glm": {"tie_word_embeddings": False, "attention_bias": True, "head_dim": 128, "num_key_value_heads": 2},
    "glm4": {"tie_word_embeddings": False, "attention_bias": True, "head_dim": 128, "num_key_value_heads": 2},
    "granite": _UNTIED,
    "helium": {**_UNTIED, "head_dim": 128, "num_key_value_heads": 20},
    "hunyuan_v1_dense": _UNTIED,
    "hyperclovax": {**_UNTIED, "use_post_norm": True},
    "internlm3": {"tie_word_embeddings": False, "qkv_bias": False, "bias": False},
    "jais2": {"tie_word_embeddings": False, "attention_bias": True, "mlp_bias": True},
    "minicpm": {"tie_word_embeddings": True},
    "ministral": {"tie_word_embeddings": False, "num_key_value_heads": 8},
    "ministral3": {"tie_word_embeddings": False, "num_key_value_heads": 8, "head_dim": 128},
    "nemotron": _UNTIED,
    "olmo": _UNTIED,
    "olmo2": _UNTIED,
    "olmo3": {**_UNTIED, "sliding_window": 4096},
    "orion": {"tie_word_embeddings": False},
    "seed_oss": {
        "tie_word_embeddings": False,
        "attention_bias": True,
        "attention_out_bias": False,
        "mlp_bias": False,
        "head_dim": 128,
        "num_key_value_heads": 8,
    },
    "smollm3": {**_UNTIED, "tie_word_embeddings": True, "num_key_value_heads": 4},
    "stablelm": {
        "tie_word_embeddings": False,
        "num_key_value_heads": 32,
        "use_qkv_bias": False,
        "qk_layernorm": False,
        "use_parallel_residual": False,
    },
    "starcoder2": {"tie_word_embeddings": True, "use_bias": True, "num_key_value_heads": 2},
    "vaultgemma": {**_TIED, "head_dim": 256, "num_key_value_heads": 4, "sliding_window": 4096},
}
"""What transformers documents for a hyper-parameter that a published config may leave out.

Gemma 3's published configs name neither heads nor vocabulary where they are those of its class.
"""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    if model_type == "stablelm" and parameters.flag("use_parallel_residual"):
        traits = replace(traits, norms=("input_layernorm",))
    if model_type == "hyperclovax" and parameters.flag("use_post_norm"):
        traits = replace(traits, norms=(*BEFORE_EACH, "post_norm1", "post_norm2"))
    if model_type == "minicpm":
        mixed = parameters.has("num_experts") and parameters.integer("num_experts", least=0) > 0
        parameters.support("num_experts", not mixed, "experts are not known of this model type")
    if model_type == "helium":
        width = parameters.integer("num_attention_heads") * parameters.integer("head_dim")
        message = f"heads of {width} in all instead of the hidden size are not known"
        parameters.support("head_dim", width == parameters.integer("hidden_size"), message)
    inventory = decoder.read_as(traits, model_type, parameters)
    if model_type == "gemma3_text" and parameters.value("use_bidirectional_attention") is True:
        return replace(inventory, states=())  # an encoder: every token attends to all, nothing is kept
    return inventory
