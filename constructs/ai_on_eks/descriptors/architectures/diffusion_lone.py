"""A network of a diffusion pipeline that stands alone: only a U-Net, a transformer or an autoencoder is known.

Its own work and weights are exact; a pipeline's other networks, the prompt's encoders and what decodes the image, are
missing from the answer, which says so. The image is 8 pixels for one latent position along a side, as in every
autoencoder of Stable Diffusion and FLUX: a lone denoiser does not say.
"""

from __future__ import annotations

from dataclasses import replace

from ai_on_eks.descriptors.image_generation import Component, ImageRequest, Phase, Work
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations, Tensor

SCALE = 8
"""Pixels along a side for one latent position: three halvings of the image (arXiv:2112.10752, §4.1, f = 8)."""

STEPS = 50
"""Denoising steps where no pipeline says: those of diffusers' StableDiffusionPipeline (0.42.1)."""

MISSING = {
    Phase.DENOISE: "one network of a pipeline: the encoders of the prompt and the autoencoder are not included",
    Phase.DECODE: "one network of a pipeline: the encoders of the prompt and the denoiser are not included",
}


def lone(
    architecture: str,
    tensors: tuple[Tensor, ...],
    phase: Phase,
    work: Work,
    *,
    side: int,
    layers: int,
    width: int,
    heads: int = 0,
    tile_pixels: int = 0,
    scale: int = SCALE,
    multiple: int = SCALE,
    steps: int = STEPS,
    guided: bool = True,
) -> Inventory:
    """The inventory of one network; `side` is that of its latent image."""
    request = ImageRequest(
        width=side * scale,
        height=side * scale,
        steps=steps,
        guided=guided and phase is Phase.DENOISE,
        scale=scale,
        multiple=multiple,
    )
    inventory = Inventory(
        architecture=architecture,
        item=Item.IMAGE,
        tensors=tensors,
        states=(),
        operations=Operations(per_item=0),
        activations=Activations(per_item=0),
        layers=layers,
        hidden_size=width,
        attention_heads=heads,
        key_value_heads=heads,
        estimated=(MISSING[phase],),
        components=(Component("", phase, work, tile_pixels),),
    )
    return asked(inventory, request)


def asked(inventory: Inventory, request: ImageRequest) -> Inventory:
    """The same networks at work on the image that is asked for."""
    flops = sum(
        request.passes(component.phase) * component.work.flops_at(request.positions)
        for component in inventory.components
    )
    alive = max(
        request.images_at_once(component.phase) * component.work.elements_at(request.positions)
        for component in inventory.components
    )
    return replace(
        inventory,
        image=request,
        operations=Operations(per_item=flops),
        activations=Activations(per_item=alive // request.batch),
    )
