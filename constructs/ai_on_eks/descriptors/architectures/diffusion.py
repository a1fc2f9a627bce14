"""Pipelines that make images or videos from prompts: encoders of the prompt, a denoiser, an autoencoder; classes of
diffusers.

The config is `model_index.json` with each network's own config in the place of its class:

    _class_name: StableDiffusionXLPipeline
    unet: {_class_name: UNet2DConditionModel, …}
    vae: {…}      text_encoder: {…}      text_encoder_2: {…}

    tensors      of all networks, `network.` before their names
    operations   per image  Σ encoders  passes × tokens  +  steps × passes × the denoiser's  +  the decoder's
    guidance     a second pass without the prompt, in the same batch (arXiv:2207.12598); not where it is distilled into
                 the network, as in FLUX.1

A second denoiser, `transformer_2`, takes the first one's turn for part of the steps: it is resident, and the work is
counted once. A network whose config is not read can stand as `{parameters: 6243584000}`: it is counted, its work is
estimated, except a denoiser's, and the decoder's of a video.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import estimate
from ai_on_eks.descriptors.architectures.diffusion_lone import SCALE, asked
from ai_on_eks.descriptors.architectures.hyperparameters import CONFIG_PATH, Hyperparameters
from ai_on_eks.descriptors.image_generation import Component, ImageRequest, Phase, Work
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    Tensor,
)
from ai_on_eks.errors import InputError, Problem

FAMILY = "diffusion"


class _Pipeline(Struct, frozen=True):
    """What a class of diffusers asks of its networks by default.

    steps           None: as the denoiser has it
    prompt_tokens   tokens that an encoder without a limit of its own gets (`max_sequence_length`)
    distilled_steps of a model whose index says `is_distilled`, by its model card; it needs no guidance
    upcasts         decodes in float32 where the weights are fp16 and the autoencoder's config says `force_upcast`
    """

    denoiser: str
    steps: int | None
    guided: bool
    prompt_tokens: int
    upcasts: bool = False
    distilled_steps: int | None = None


MODEL_TYPES: Mapping[str, _Pipeline] = {
    "AuraFlowPipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=256, upcasts=True),
    "ChromaPipeline": _Pipeline("transformer", 35, guided=True, prompt_tokens=512),
    "CogVideoXImageToVideoPipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=226),
    "CogVideoXPipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=226),
    "Flux2KleinPipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=512, distilled_steps=4),
    "Flux2Pipeline": _Pipeline("transformer", 50, guided=False, prompt_tokens=512),
    "FluxPipeline": _Pipeline("transformer", None, guided=False, prompt_tokens=512),
    "HunyuanVideoPipeline": _Pipeline("transformer", 50, guided=False, prompt_tokens=256),
    "KolorsPipeline": _Pipeline("unet", 50, guided=True, prompt_tokens=256, upcasts=True),
    "LatentConsistencyModelPipeline": _Pipeline("unet", 4, guided=False, prompt_tokens=77),
    "Lumina2Pipeline": _Pipeline("transformer", 30, guided=True, prompt_tokens=256),
    "PixArtAlphaPipeline": _Pipeline("transformer", 20, guided=True, prompt_tokens=120),
    "PixArtSigmaPipeline": _Pipeline("transformer", 20, guided=True, prompt_tokens=300),
    "QwenImagePipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=512),
    "StableDiffusion3Pipeline": _Pipeline("transformer", 28, guided=True, prompt_tokens=256),
    "StableDiffusionPipeline": _Pipeline("unet", 50, guided=True, prompt_tokens=77),
    "StableDiffusionXLImg2ImgPipeline": _Pipeline("unet", 50, guided=True, prompt_tokens=77, upcasts=True),
    "StableDiffusionXLPipeline": _Pipeline("unet", 50, guided=True, prompt_tokens=77, upcasts=True),
    "WanImageToVideoPipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=512),
    "WanPipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=512),
    "ZImagePipeline": _Pipeline("transformer", 50, guided=True, prompt_tokens=512),
}
"""Steps, guidance and tokens by the signature of each class's `__call__`, diffusers 0.42.1, read 2026-11-24 and 29."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {name: {} for name in MODEL_TYPES}

ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")
OTHERS = ("image_encoder", "safety_checker")
DECODER = "vae"
SECOND = "transformer_2"
DISTILLED = "is_distilled"
"""In the index of a pipeline whose denoiser was made to need neither guidance nor many steps."""
NETWORKS = (*ENCODERS, *OTHERS, "unet", "transformer", SECOND, DECODER)
"""Keys of a pipeline that hold networks; tokenizers, schedulers and the like weigh nothing."""

KEPT_IN_FLOAT32 = {"t5": ".wo.weight", "mt5": ".wo.weight", "umt5": ".wo.weight"}
"""Output layers that transformers keeps in float32 where a model is loaded in fp16 (5.23.0, modeling_t5.py)."""

MAX_PARAMETERS = 10**14
"""Of a counted network: as many as architecture.parameters takes."""

DECODER_VALUES = 3 * 256
"""Values alive per pixel in the decoder of Stable Diffusion, which an unknown one is taken for: three maps of 256
channels at the image's full size (autoencoder.py)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a pipeline, or an InputError with everything that is missing or not known in any network."""
    pipeline = MODEL_TYPES[model_type]
    if pipeline.distilled_steps is not None and parameters.has(DISTILLED) and parameters.flag(DISTILLED):
        pipeline = replace(pipeline, steps=pipeline.distilled_steps, guided=False)
    problems: list[Problem] = []
    networks: dict[str, Inventory] = {}
    counted: list[str] = []
    for key in NETWORKS:
        config = parameters.value(key)
        if config is None and key not in (pipeline.denoiser, DECODER):
            continue
        try:
            networks[key], parameters.read[key] = _network(key, config)
            counted += [key] if set(parameters.read[key]) == {"parameters"} else []
        except InputError as error:
            problems += [_inside(key, problem) for problem in error.problems]
    parameters.finish()
    problems = problems or _mismatches(pipeline, networks, counted)
    if problems:
        raise InputError(problems)
    return _assembled(model_type, pipeline, networks, tuple(counted), parameters)


def _mismatches(pipeline: _Pipeline, networks: Mapping[str, Inventory], counted: list[str]) -> list[Problem]:
    """Networks that are known, but not together."""
    own, decoder = networks[pipeline.denoiser].image, networks[DECODER].image
    is_video = own is not None and own.frame_scale > 1
    needed = {pipeline.denoiser, SECOND} | ({DECODER} if is_video else set())
    found = []
    for key in counted:
        if key in needed:
            message = f"'{key}' is only counted: the size of its activations is unknown"
            fix = "give its config, or architecture.parameters instead of architecture.config"
            path = f"{CONFIG_PATH}.{key}.parameters"
            found.append(Problem("missing-hyperparameter", message, path=path, fix=fix))
    fix = "take all configs from the same pipeline"
    if decoder is not None and is_video != (decoder.frame_scale > 1):
        message = "one of denoiser and autoencoder works on videos, the other on images"
        found.append(Problem("contradiction", message, path=f"{CONFIG_PATH}.{DECODER}", fix=fix))
    if SECOND in networks and networks[SECOND].tensors != networks[pipeline.denoiser].tensors:
        message = f"'{SECOND}' is not of the shape of '{pipeline.denoiser}', whose turn it takes"
        found.append(Problem("contradiction", message, path=f"{CONFIG_PATH}.{SECOND}", fix=fix))
    return found


def _assembled(
    model_type: str,
    pipeline: _Pipeline,
    networks: Mapping[str, Inventory],
    counted: tuple[str, ...],
    parameters: Hyperparameters,
) -> Inventory:
    denoiser = networks[pipeline.denoiser]
    decoder = networks[DECODER].image
    own = denoiser.image
    scale = SCALE if decoder is None else decoder.scale
    upcasts = pipeline.upcasts and (parameters.read[DECODER].get("force_upcast", True) is True)
    components = tuple(
        _component(key, network, pipeline, upcasts=upcasts, model_type=parameters.read[key].get("model_type"))
        for key, network in networks.items()
    )
    inventory = Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=tuple(tensor for key, network in networks.items() for tensor in _named(key, network)),
        states=(),
        operations=Operations(per_item=0),
        activations=Activations(per_item=0),
        layers=denoiser.layers,
        hidden_size=denoiser.hidden_size,
        attention_heads=denoiser.attention_heads,
        key_value_heads=denoiser.key_value_heads,
        estimated=(
            *(f"{key}: its parameters are counted, its work is estimated" for key in counted),
            *(() if any(key in networks for key in ENCODERS) else ("no encoder of the prompt is given",)),
        ),
        components=components,
    )
    return asked(inventory, _request(pipeline, own, decoder, scale))


def _request(pipeline: _Pipeline, own: ImageRequest | None, decoder: ImageRequest | None, scale: int) -> ImageRequest:
    """What is made where nothing else is asked: an image as large as the denoiser was trained on, a video as the
    pipeline has it. `scale` is the decoder's; the denoiser's own is what a lone one is taken for."""
    if own is None:
        return ImageRequest(scale, scale, pipeline.steps or 1, pipeline.guided, scale, scale)
    steps, multiple = pipeline.steps or own.steps, own.multiple // own.scale * scale
    if own.frame_scale > 1 and decoder is not None:
        frame_scale = decoder.frame_scale
        return replace(
            own, steps=steps, guided=pipeline.guided, scale=scale, multiple=multiple, frame_scale=frame_scale
        )
    width, height = own.width // own.scale * scale, own.height // own.scale * scale
    return ImageRequest(width, height, steps, pipeline.guided, scale, multiple, guided_apart=own.guided_apart)


def _network(key: str, config: object) -> tuple[Inventory, dict[str, Any]]:
    from ai_on_eks.descriptors.architectures.registry import (  # noqa: PLC0415 - the registry finds this module
        relevant_hyperparameters,
    )

    fix = f"put the network's own config.json under '{key}'"
    if config is None:
        raise InputError(Problem("missing-hyperparameter", f"'{key}' is required", path=CONFIG_PATH, fix=fix))
    if not isinstance(config, Mapping):
        raise InputError(Problem("wrong-type", "is not a mapping of hyper-parameters", path=CONFIG_PATH, fix=fix))
    if set(config) == {"parameters"}:
        count = Hyperparameters(config, {})
        number = count.integer("parameters", most=MAX_PARAMETERS)
        count.finish()
        return _counted(key, number), {"parameters": number}
    try:
        network, relevant = relevant_hyperparameters(config)
    except InputError as error:
        raise InputError([_countable(problem) for problem in error.problems]) from None
    if tuple(component.phase for component in network.components) != _phases(key):
        message = f"'{network.architecture}' does not do the work of '{key}'"
        raise InputError(Problem("contradiction", message, path=CONFIG_PATH, value=network.architecture, fix=fix))
    return _as_stored(network, relevant), relevant


def _as_stored(network: Inventory, config: dict[str, Any]) -> Inventory:
    """In the formats of the network's own quantization config: each network of a pipeline may have one, or none."""
    if "quantization_config" not in config:
        return network
    from ai_on_eks.descriptors.quantization.methods import read_quantization  # noqa: PLC0415 - few pipelines are
    from ai_on_eks.descriptors.quantization.scheme import quantize  # noqa: PLC0415

    path = f"{CONFIG_PATH}.quantization_config"
    try:
        quantization = read_quantization(config)
        return network if quantization is None else quantize(network, quantization)
    except ValueError as error:
        fix = "leave quantization_config out, and say under 'precision' how the weights are stored"
        raise InputError(Problem("unknown-quantization", str(error), path=path, fix=fix)) from None


def _phases(key: str) -> tuple[Phase, ...]:
    """What a network does that is read as one of a pipeline's; encoders are read as models of their own."""
    if key == DECODER:
        return (Phase.DECODE,)
    return () if key in (*ENCODERS, *OTHERS) else (Phase.DENOISE,)


def _countable(problem: Problem) -> Problem:
    if problem.code != "unknown-architecture":
        return problem
    return replace(problem, fix="give only 'parameters', the network's number of parameters, in place of its config")


def _inside(key: str, problem: Problem) -> Problem:
    """A problem of a network, told at its place in the pipeline."""
    rest = (problem.path or CONFIG_PATH).removeprefix(CONFIG_PATH)
    return replace(problem, path=f"{CONFIG_PATH}.{key}{rest}")


def _counted(key: str, parameters: int) -> Inventory:
    """A network of which only the number of parameters is known."""
    inventory = estimate.encoder(parameters)
    if key != DECODER:
        return inventory
    work = Work(1, flops=2 * parameters, elements=DECODER_VALUES * SCALE**2, is_convolutional=True)
    return replace(inventory, components=(Component("", Phase.DECODE, work),))


def _component(key: str, network: Inventory, pipeline: _Pipeline, *, upcasts: bool, model_type: object) -> Component:
    if network.components and key not in (*ENCODERS, *OTHERS):
        own = network.components[0]
        if key == SECOND:
            return Component(key, Phase.DENOISE, Work(1))
        return replace(own, name=key, upcasts=upcasts and key == DECODER)
    tokens = min(pipeline.prompt_tokens, network.max_context_tokens or pipeline.prompt_tokens)
    if key in OTHERS:
        return Component(key, Phase.DECODE, Work(1))
    operations = network.operations
    flops = tokens * (operations.per_item + operations.per_item_and_context_token * tokens)
    work = Work(1, fixed_flops=flops, fixed_elements=tokens * network.activations.per_item)
    return Component(key, Phase.ENCODE, work, float32_suffix=KEPT_IN_FLOAT32.get(str(model_type), ""))


def _named(key: str, network: Inventory) -> tuple[Tensor, ...]:
    """The network's tensors under its own name; no server of pipelines divides them."""
    return tuple(
        replace(
            tensor,
            name=f"{key}.{tensor.name}",
            sharding=Sharding.REPLICATED,
        )
        for tensor in network.tensors
    )
