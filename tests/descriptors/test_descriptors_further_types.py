"""Further model types by mechanisms that others have too: parameters as transformers counts them."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState
from ai_on_eks.errors import InputError

DECODER: dict[str, Any] = {
    "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 5, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 1000, "max_position_embeddings": 512,
}  # fmt: skip
SOUND = {"hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 8}
IMAGE = SOUND | {"image_size": 64, "patch_size": 16}
WORDS = {"vocab_size": 1000, "max_position_embeddings": 512}
EXPERTS = {"n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 64}
CODEGEN = {"n_embd": 256, "n_layer": 2, "n_head": 8, "vocab_size": 1000, "n_positions": 512}
GPT_NEO = WORDS | {"hidden_size": 256, "num_layers": 2, "num_heads": 8}
XGLM = WORDS | {"d_model": 256, "num_layers": 2, "attention_heads": 8, "ffn_dim": 384}
DINO = IMAGE | {"num_register_tokens": 4, "use_gated_mlp": True}


def read(model_type: str, model_class: str, config: dict[str, Any]) -> Inventory:
    return relevant_hyperparameters({"model_type": model_type, "architectures": [model_class], **config})[0]


@pytest.mark.parametrize(
    ("model_type", "model_class", "config", "parameters"),
    [
        ("apertus", "ApertusForCausalLM", DECODER, 2_481_226),
        ("cwm", "CwmForCausalLM", DECODER, 5_921_536),
        ("jais2", "Jais2ForCausalLM", DECODER, 2_490_752),
        ("solar_open", "SolarOpenForCausalLM", DECODER | EXPERTS, 6_669_056),
        ("biogpt", "BioGptForCausalLM", DECODER, 2_695_296),
        ("codegen", "CodeGenForCausalLM", CODEGEN, 2_089_960),
        ("gpt_neo", "GPTNeoForCausalLM", GPT_NEO, 1_965_568),
        ("persimmon", "PersimmonForCausalLM", DECODER, 2_820_352),
        ("xglm", "XGLMForCausalLM", XGLM, 1_179_392),
        ("wavlm", "WavLMModel", SOUND, 5_784_224),
        ("wavlm", "WavLMForXVector", SOUND, 11_633_276),
        ("wav2vec2", "Wav2Vec2ForPreTraining", SOUND, 6_322_944),
        ("wav2vec2", "Wav2Vec2ForXVector", SOUND, 11_630_172),
        ("dinov3_vit", "DINOv3ViTModel", DINO, 1_319_680),
        ("vit_mae", "ViTMAEModel", IMAGE, 1_124_864),
        ("vit_mae", "ViTMAEForPreTraining", IMAGE, 26_879_744),
    ],
)
def test_given_a_small_config_when_read_then_its_parameters_are_those_the_library_counts(
    model_type: str, model_class: str, config: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once
    assert read(model_type, model_class, config).parameters == parameters


def test_given_windows_counted_from_the_first_layer_when_read_then_it_has_none() -> None:
    states = [one for one in read("cwm", "CwmForCausalLM", DECODER).states if isinstance(one, KeyValueState)]
    assert [(state.layers, state.window_tokens) for state in states] == [(2, None), (3, 8192)]


def test_given_gpt_neo_when_read_then_it_says_that_windows_are_not_counted() -> None:
    assert "window" in read("gpt_neo", "GPTNeoForCausalLM", GPT_NEO).estimated[0]


@pytest.mark.parametrize(
    ("model_type", "model_class", "config", "code"),
    [
        ("xglm", "XGLMForCausalLM", XGLM | {"add_cross_attention": True}, "unknown-architecture"),
        ("wavlm", "WavLMForPreTraining", SOUND, "unknown-architecture"),
        ("wavlm", "WavLMModel", SOUND | {"add_adapter": True}, "unknown-architecture"),
        ("wavlm", "WavLMForXVector", SOUND | {"tdnn_kernel": [5, 3]}, "contradiction"),
        ("wav2vec2", "Wav2Vec2ForPreTraining", SOUND | {"codevector_dim": 255}, "contradiction"),
        ("vit_mae", "ViTMAEForPreTraining", IMAGE | {"decoder_num_attention_heads": 15}, "contradiction"),
        ("codegen", "CodeGenForCausalLM", CODEGEN | {"n_head": 7}, "contradiction"),
    ],
)
def test_given_what_is_not_known_when_read_then_it_is_refused(
    model_type: str, model_class: str, config: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(model_type, model_class, config)
    assert [problem.code for problem in caught.value.problems] == [code]
