"""A diffusion model of which only the number of parameters P is known.

    transformer    P = 12 × layers × H²  with  H = 128 × layers       as of any transformer (Kaplan et al. 2020)
    operations     per pass  2 × P × tokens;  50 steps with guidance
    activations    17 H per token while denoising; the decoder of Stable Diffusion's autoencoder, 768 values per pixel

All parameters are taken for the denoiser's: the encoders of the prompt are part of P, and work far less, so that the
operations are an upper bound. Each assumption is named in `estimated`.
"""

from __future__ import annotations

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import estimate
from ai_on_eks.descriptors.architectures.diffusion import DECODER_VALUES
from ai_on_eks.descriptors.architectures.diffusion_lone import SCALE, STEPS, asked
from ai_on_eks.descriptors.architectures.diffusion_transformer import (
    FLUX,
    PACKED,
    PROMPT_TOKENS,
    REFERENCE_SIDE,
    ROTARY_VALUES,
)
from ai_on_eks.descriptors.image_generation import Component, ImageRequest, Phase, Work
from ai_on_eks.descriptors.inventory import Inventory, Item, Sharding


def diffusion(parameters: int) -> Inventory:
    """A text-to-image model of `parameters` parameters, all networks together."""
    shape = estimate.decoder(parameters)
    width, layers = shape.hidden_size, shape.layers
    positions, prompt = REFERENCE_SIDE**2, PROMPT_TOKENS[FLUX]
    tokens = positions // PACKED
    denoise = Work(
        positions,
        flops=2 * parameters * tokens,
        attention_flops=4 * layers * width * tokens**2,
        fixed_flops=2 * parameters * prompt,
        elements=ROTARY_VALUES * width * tokens,
        fixed_elements=ROTARY_VALUES * width * prompt,
    )
    decode = Work(1, elements=DECODER_VALUES * SCALE**2, is_convolutional=True)
    inventory = replace(
        shape,
        architecture="diffusion",
        item=Item.IMAGE,
        tensors=tuple(replace(tensor, sharding=Sharding.REPLICATED) for tensor in shape.tensors),
        states=(),
        estimated=(
            f"one transformer, {layers} layers of {width}, holds all parameters and denoises with all of them",
            f"images of {REFERENCE_SIDE * SCALE} pixels a side unless asked otherwise, {STEPS} steps with guidance",
            "decoded by an autoencoder such as Stable Diffusion's",
        ),
        components=(Component("", Phase.DENOISE, denoise), Component("decoder", Phase.DECODE, decode)),
    )
    side = REFERENCE_SIDE * SCALE
    return asked(inventory, ImageRequest(side, side, STEPS, guided=True, scale=SCALE, multiple=SCALE))
