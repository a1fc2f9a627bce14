"""Which module knows which model type.

A module is imported when a config asks for it: sizing one model starts without reading the other families' code. Every
module has the same names:

    FAMILY        what kind of network (schema.Family) its model types are; a mapping by model type where they differ
    MODEL_TYPES   the model types it reads, the same as here
    DEFAULTS      by model type, what the library documents for a hyper-parameter a published config may leave out
    read          (model_type, parameters) -> Inventory, or an InputError with everything that is missing

Widths and depths have no defaults, although the libraries' classes do: a config without them is incomplete, and a
guessed dimension is a wrong size.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import estimate
from ai_on_eks.descriptors.architectures.hyperparameters import CONFIG_PATH, Hyperparameters
from ai_on_eks.descriptors.architectures.timm_names import TIMM, TIMM_MODULES
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Descriptor, Family, Format, Kind, Precision
from ai_on_eks.errors import InputError, Problem

MODULES: Mapping[str, tuple[str, ...]] = {
    "audio_encoder": ("hubert", "wav2vec2", "wavlm"),
    "autoencoder": ("AutoencoderKL", "AutoencoderKLFlux2"),
    "autoencoder_video": ("AutoencoderKLCogVideoX", "AutoencoderKLHunyuanVideo"),
    "autoencoder_wan": ("AutoencoderKLQwenImage", "AutoencoderKLWan"),
    "contrastive": (
        "clip",
        "clip_text_model",
        "clip_vision_model",
        "siglip",
        "siglip2",
        "siglip_text_model",
        "siglip_vision_model",
    ),
    "contrastive_detection": ("owlv2", "owlvit"),
    "convnext": ("convnext", "convnextv2"),
    "convolution": ("regnet", "resnet"),
    "convolution_mobile": ("efficientnet", "mobilenet_v1", "mobilenet_v2"),
    "cross_attention_language": ("mllama",),
    "deberta": ("deberta-v2",),
    "decoder": ("gemma2", "llama", "mimo", "mistral", "phi3", "qwen2", "qwen3"),
    "detection": ("detr", "table-transformer", "yolos"),
    "detection_realtime": ("rt_detr", "rt_detr_v2"),
    "detection_relatives": ("conditional_detr", "deformable_detr"),
    "diffusion": (
        "AuraFlowPipeline",
        "ChromaPipeline",
        "CogVideoXImageToVideoPipeline",
        "CogVideoXPipeline",
        "Flux2KleinPipeline",
        "Flux2Pipeline",
        "FluxPipeline",
        "HunyuanVideoPipeline",
        "KolorsPipeline",
        "LatentConsistencyModelPipeline",
        "Lumina2Pipeline",
        "PixArtAlphaPipeline",
        "PixArtSigmaPipeline",
        "QwenImagePipeline",
        "StableDiffusion3Pipeline",
        "StableDiffusionPipeline",
        "StableDiffusionXLImg2ImgPipeline",
        "StableDiffusionXLPipeline",
        "WanImageToVideoPipeline",
        "WanPipeline",
        "ZImagePipeline",
    ),
    "diffusion_cross": ("PixArtTransformer2DModel", "Transformer2DModel"),
    "diffusion_flux2": ("ChromaTransformer2DModel", "Flux2Transformer2DModel"),
    "diffusion_gated": ("AuraFlowTransformer2DModel", "SanaTransformer2DModel"),
    "diffusion_refined": ("Lumina2Transformer2DModel", "ZImageTransformer2DModel"),
    "diffusion_transformer": ("FluxTransformer2DModel", "QwenImageTransformer2DModel", "SD3Transformer2DModel"),
    "diffusion_video": ("CogVideoXTransformer3DModel", "HunyuanVideoTransformer3DModel"),
    "diffusion_wan": ("WanTransformer3DModel",),
    "encoder": (
        "bert",
        "camembert",
        "data2vec-text",
        "distilbert",
        "ernie",
        "layoutlm",
        "megatron-bert",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
    ),
    "encoder_decoder": (
        "bart",
        "blenderbot",
        "blenderbot-small",
        "m2m_100",
        "marian",
        "mbart",
        "pegasus",
        "plbart",
    ),
    "encoder_decoder_t5": ("mt5", "t5", "umt5"),
    "encoder_pages": ("layoutlmv3",),
    "encoder_relatives": ("albert", "big_bird", "electra", "esm", "gte", "longformer", "new", "nomic_bert"),
    "gated_delta": ("qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next"),
    "hybrid_convolution": ("lfm2", "lfm2_moe"),
    "hybrid_lightning": ("minimax",),
    "hybrid_mamba": ("bamba", "falcon_h1", "granitemoehybrid", "jamba"),
    "hybrid_nemotron": ("nemotron_h",),
    "hybrid_recurrence": ("recurrent_gemma",),
    "hybrid_shared": ("zamba2",),
    "interleaved": ("llama4_text", "mimo_v2_flash", "minimax_m3", "minimax_m3_vl_text", "step3p5"),
    "interleaved_gemma3n": ("gemma3n_text",),
    "interleaved_gemma4": ("gemma4_text",),
    "interleaved_step": ("step3p7",),
    "latent": (
        "deepseek_v2",
        "deepseek_v3",
        "deepseek_v32",
        "glm4_moe_lite",
        "glm_moe_dsa",
        "kimi_k2",
        "minicpm3",
        "mistral4",
        "youtu",
    ),
    "latent_compressed": ("deepseek_ref", "deepseek_v4"),
    "latent_images": ("kimi_k25", "kimi_k3"),
    "latent_linear": ("kimi_linear",),
    "mixture": ("gpt_oss", "minimax_m2", "mixtral", "qwen2_moe", "qwen3_moe"),
    "mixture_blocks": ("dbrx",),
    "mixture_relatives": ("afmoe", "deepseek", "granitemoeshared", "hunyuan_v1_moe"),
    "modernbert": ("modernbert",),
    "more_decoders": (
        "apertus",
        "arcee",
        "cohere",
        "cohere2",
        "cwm",
        "ernie4_5",
        "exaone4",
        "gemma",
        "gemma3_text",
        "glm",
        "glm4",
        "granite",
        "helium",
        "hunyuan_v1_dense",
        "hyperclovax",
        "internlm3",
        "jais2",
        "minicpm",
        "ministral",
        "ministral3",
        "nemotron",
        "olmo",
        "olmo2",
        "olmo3",
        "orion",
        "seed_oss",
        "smollm3",
        "stablelm",
        "starcoder2",
        "vaultgemma",
    ),
    "more_mixtures": (
        "dots1",
        "ernie4_5_moe",
        "exaone_moe",
        "flex_olmo",
        "glm4_moe",
        "granitemoe",
        "olmoe",
        "phimoe",
        "solar_open",
    ),
    "more_ungated": ("biogpt", "codegen", "gpt_neo", "persimmon", "xglm"),
    "named_decoders": ("baichuan", "bitnet", "chatglm", "exaone", "internlm2", "mpt", "qwen"),
    "speech": ("speech_to_text", "whisper"),
    "speech_language": (
        "qwen2_5_omni",
        "qwen2_5_omni_thinker",
        "qwen2_audio",
        "qwen3_omni_moe",
        "qwen3_omni_moe_thinker",
        "voxtral",
    ),
    "state_space": ("falcon_mamba", "mamba", "mamba2"),
    **TIMM_MODULES,
    "unet": ("UNet2DConditionModel",),
    "ungated": ("bloom", "falcon", "gpt2", "gpt_bigcode", "gpt_neox", "gptj", "opt", "phi"),
    "vision": ("vit",),
    "vision_depth": ("depth_anything", "dpt"),
    "vision_language": (
        "gemma3",
        "gemma4",
        "idefics3",
        "internvl",
        "llama4",
        "llava",
        "llava_next",
        "mistral3",
        "paligemma",
        "qwen2_5_vl",
        "qwen2_vl",
        "qwen3_vl",
        "qwen3_vl_moe",
        "smolvlm",
    ),
    "vision_language_more": (
        "aya_vision",
        "cohere2_vision",
        "gemma3n",
        "glm46v",
        "glm4v",
        "glm4v_moe",
        "lfm2_vl",
        "llava_next_video",
        "llava_onevision",
        "vipllava",
    ),
    "vision_plain": ("audio-spectrogram-transformer", "ijepa", "videomae", "vit_msn"),
    "vision_relatives": ("beit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "vit_mae"),
    "vision_sam": ("sam",),
    "vision_segformer": ("segformer",),
    "vision_swin": ("swin", "swinv2"),
}
"""Module of this package -> the model types it reads. Diffusers' classes count as model types: `_class_name`."""

CLASSIFIERS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
"""Ends of classes that are a decoder's bare model with a small matrix on top."""
CLASSIFYING = frozenset(
    {
        "decoder", "gated_delta", "hybrid_mamba", "hybrid_nemotron", "hybrid_shared", "interleaved",
        "interleaved_gemma3n", "interleaved_gemma4", "latent", "latent_compressed", "mixture", "mixture_relatives",
        "more_decoders", "more_mixtures", "more_ungated", "named_decoders", "ungated",
    }
)  # fmt: skip
"""Modules of decoders that a classifier may stand on."""

NEAREST = 8
"""Names that an unknown model of timm is answered with."""
TIMM_WRAPPER = "timm_wrapper"
"""The model type of transformers that names a model of timm under `architecture`."""

_MODULE_OF = {model_type: module for module, model_types in MODULES.items() for model_type in model_types}

RESNET_50: Mapping[str, Any] = {
    "model_type": "resnet",
    "layer_type": "bottleneck",
    "num_channels": 3,
    "embedding_size": 64,
    "depths": [3, 4, 6, 3],
    "hidden_sizes": [256, 512, 1024, 2048],
    "num_labels": 1000,
    "image_size": 224,
}
"""He et al. 2015, table 1: what a CNN is scaled from when nothing but its parameters is known."""


def build_inventory(descriptor: Descriptor) -> Inventory:
    """What the model is made of, or an InputError that says what is missing to tell.

    `architecture.config` must be the mapping itself: `load_descriptor` has read it where the file gave a path.
    """
    architecture = descriptor.architecture
    if isinstance(architecture.config, dict):
        return _as_stored(descriptor, _read(architecture.config, architecture.family)[0])
    if isinstance(architecture.config, str):
        message = f"is still the path '{architecture.config}'; load_descriptor reads it"
        raise InputError(Problem("config-not-read", message, path=CONFIG_PATH, fix="load the descriptor from its file"))
    if architecture.parameters is None:
        message = "says neither what the model is made of nor how large it is"
        fix = "add 'config: path/to/config.json' or 'parameters: 7000000000' under 'architecture'"
        raise InputError(Problem("architecture-incomplete", message, path="architecture", fix=fix))
    return _as_stored(descriptor, _estimated(descriptor, architecture.parameters))


def own_precision(descriptor: Descriptor) -> Precision | None:
    """What a quantized checkpoint's own config says of its data types; None where it says nothing."""
    config = descriptor.architecture.config
    if not isinstance(config, dict) or not _quantization(config):
        return None
    stored = import_module("ai_on_eks.descriptors.quantization.stored")
    own: Precision | None = stored.own_precision(config, lambda: _read(config, None)[0], descriptor.source.format)
    return own


def known_model_types() -> tuple[str, ...]:
    """Every `model_type` that is read exactly, sorted."""
    return tuple(sorted(_MODULE_OF))


def relevant_hyperparameters(config: Mapping[str, Any]) -> tuple[Inventory, dict[str, Any]]:
    """The inventory of a config, and the part of the config that it follows from."""
    inventory, parameters = _read(config, None)
    key, model_type = _model_type(config)
    return inventory, {key: model_type} | parameters.read | _quantization(config)


def family_of(config: Mapping[str, Any]) -> Family:
    """What kind of network the config's model type is; an InputError where the model type is not known."""
    key, model_type = _model_type(config)
    return _family(_module(key, model_type), str(model_type))


def _as_stored(descriptor: Descriptor, inventory: Inventory) -> Inventory:
    """With the format of each tensor, where more than a data type is known of how the weights are stored; and without
    states where nothing is written: a decoder that makes vectors or scores answers in one pass and keeps nothing."""
    config = descriptor.architecture.config
    if descriptor.source.format is Format.GGUF or (isinstance(config, dict) and _quantization(config)):
        stored = import_module("ai_on_eks.descriptors.quantization.stored")
        inventory = stored.as_stored(descriptor, inventory)
    if descriptor.kind is not Kind.FOUNDATION and inventory.states:
        inventory = replace(inventory, states=(), prompt_states=inventory.states)
    return inventory if inventory.image is None else _asked(descriptor, inventory)


def _asked(descriptor: Descriptor, inventory: Inventory) -> Inventory:
    """At work on the images that are asked for: what diffusion takes depends on them."""
    request = import_module(f"{__package__}.diffusion_request")
    asked: Inventory = request.requested(inventory, descriptor.serving.image)
    return asked


def _quantization(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a config says about how its weights are stored, wherever in it."""
    parts = (config, *(part for part in config.values() if isinstance(part, Mapping)))
    if not any("quantization_config" in part for part in parts):
        return {}
    relevant: dict[str, Any] = import_module("ai_on_eks.descriptors.quantization.methods").relevant_section(config)
    return relevant


def _read(config: Mapping[str, Any], family: Family | None) -> tuple[Inventory, Hyperparameters]:
    key, model_type = _model_type(config)
    module = _module(key, model_type)
    model_type = str(model_type)
    known = _family(module, model_type)
    if family is not None and family is not known:
        message = f"'{family.value}' contradicts {key} '{model_type}'"
        fix = f"write {known.value}"
        raise InputError(Problem("contradiction", message, path="architecture.family", value=family.value, fix=fix))
    parameters = Hyperparameters(config, module.DEFAULTS[model_type])
    head = _classifier(config) if _MODULE_OF[model_type] in CLASSIFYING else None
    if head is None:
        inventory: Inventory = module.read(model_type, parameters)
        return inventory, parameters
    below = module.read(model_type, parameters.as_class(f"{config['architectures'][0].removesuffix(head)}Model"))
    inventory = import_module(f"{__package__}.decoder_heads").on_top(below, head, parameters)
    return inventory, parameters


def _classifier(config: Mapping[str, Any]) -> str | None:
    """The end of the class that the config names, where that is a classifier."""
    named = config.get("architectures")
    first = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    return next((ending for ending in CLASSIFIERS if first.endswith(ending)), None)


def _model_type(config: Mapping[str, Any]) -> tuple[str, object]:
    """The key that names the model type, and its value: `model_type` of transformers, `_class_name` of diffusers, or
    `architecture` of timm, whose values have `timm/` before them here and lose the tag of their weights."""
    key = "_class_name" if "model_type" not in config and "_class_name" in config else "model_type"
    name = config.get("architecture")
    if isinstance(name, str) and config.get(key) in (None, TIMM_WRAPPER):
        return "architecture", TIMM + name.removeprefix(TIMM).partition(".")[0]
    return key, config.get(key)


def _module(key: str, model_type: object) -> ModuleType:
    name = _MODULE_OF.get(model_type) if isinstance(model_type, str) else None
    if name is None:
        raise InputError(_unknown(key, model_type))
    return import_module(f"{__package__}.{name}")


def _family(module: ModuleType, model_type: str) -> Family:
    family = module.FAMILY
    return Family(family[model_type] if isinstance(family, Mapping) else family)


def _unknown(key: str, model_type: object) -> Problem:
    path = f"{CONFIG_PATH}.{key}"
    known = tuple(one for one in known_model_types() if not one.startswith(TIMM))
    if model_type is None:
        fix = "add 'model_type' from the model's own config.json"
        return Problem("missing-hyperparameter", "'model_type' is required", path=path, allowed=known, fix=fix)
    shown = str(model_type)[:80]
    if shown.startswith(TIMM):
        named = [one for names in TIMM_MODULES.values() for one in names]
        # difflib is only imported for a name that is not known
        known = tuple(import_module("difflib").get_close_matches(shown, named, n=NEAREST, cutoff=0))
    return Problem(
        "unknown-architecture",
        f"no architecture '{shown}' is known",
        path=path,
        value=shown,
        allowed=known,
        fix="give architecture.parameters, the number of parameters, instead of architecture.config",
    )


def _estimated(descriptor: Descriptor, parameters: int) -> Inventory:
    family = descriptor.architecture.family
    if family is Family.DIFFUSION:
        estimated: Inventory = import_module(f"{__package__}.diffusion_estimate").diffusion(parameters)
        return estimated
    if family is Family.CNN:
        return estimate.convolution(parameters, _read(RESNET_50, None)[0])
    if family is Family.TRANSFORMER:
        return estimate.decoder(parameters) if descriptor.kind is Kind.FOUNDATION else estimate.encoder(parameters)
    recurrent: Inventory = import_module(f"{__package__}.state_space_estimate").recurrent(parameters, family)
    return recurrent
