"""Decoder-only transformers with gated feed-forward layers: Llama and its relatives.

The formulae are those of `decoder_parts`; here is what sets the model types apart. Further ones are in `more_decoders`.

    Mistral, Phi-3   every layer attends to a window, where the config gives one
    Gemma 2          every second layer, the first one included, attends to a window; norms before and after each block
    Qwen2, Qwen3     the layers from max_window_layers on, where use_sliding_window is set
    MiMo             Qwen2 with a prediction layer, which serving leaves out unless it speculates: not counted

Names and shapes are those of the published checkpoints.
Source: modeling_<model type>.py of transformers 5.23.0; for MiMo model_executor/models/mimo.py of vLLM 0.33.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures import decoder_parts, windows
from ai_on_eks.descriptors.architectures.decoder_parts import AROUND_EACH, Traits
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Live

FAMILY = "transformer"

MODEL_TYPES: Mapping[str, Traits] = {
    "llama": Traits(input_bias="attention_bias", output_bias="attention_bias", feed_forward_bias="mlp_bias"),
    "mistral": Traits(window=windows.EVERY),
    "mimo": Traits(input_bias=True, window=windows.SWITCHED),
    "qwen2": Traits(input_bias=True, window=windows.SWITCHED),
    "qwen3": Traits(
        input_bias="attention_bias", output_bias="attention_bias", query_key_norms=True, window=windows.SWITCHED
    ),
    "phi3": Traits(fused=True, fused_gate=True, window=windows.EVERY),
    "gemma2": Traits(input_bias="attention_bias", output_bias="attention_bias", norms=AROUND_EACH, window=windows.HALF),
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "llama": {"tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False},
    "mistral": {"tie_word_embeddings": False, "num_key_value_heads": 8},
    "mimo": {"tie_word_embeddings": False, "num_key_value_heads": 32, "max_window_layers": 28},
    "qwen2": {"tie_word_embeddings": False, "num_key_value_heads": 32, "max_window_layers": 28},
    "qwen3": {
        "tie_word_embeddings": False,
        "num_key_value_heads": 32,
        "head_dim": 128,
        "attention_bias": False,
        "max_window_layers": 28,
    },
    "phi3": {"tie_word_embeddings": False},
    "gemma2": {
        "tie_word_embeddings": True,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "attention_bias": False,
        "sliding_window": 4096,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out.

A window is not taken to be there unless the config says so, where its absence would be a smaller cache than without:
Mistral's class documents 4096, which only its first version has. Gemma 2 cannot be without.
"""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    return read_as(MODEL_TYPES[model_type], model_type, parameters)


def read_as(traits: Traits, model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder with these traits."""
    shape = decoder_parts.read_shape(traits, parameters)
    parameters.finish()
    layers = (
        *decoder_parts.attention(shape, traits),
        *decoder_parts.feed_forward(shape, traits),
        *decoder_parts.norms(shape, traits),
    )
    live = Live(len(traits.matrices) * shape.intermediate)
    return decoder_parts.assemble(model_type, traits, shape, layers, feed_forward_live=live)
