"""A network of a diffusion pipeline that stands alone: only a U-Net, a transformer or an autoencoder is known.

Its own work and weights are exact; a pipeline's other networks, the prompt's encoders and what decodes the image, are
missing from the answer, which says so. The image is 8 pixels for one latent position along a side, as in every
autoencoder of Stable Diffusion and FLUX: a lone denoiser does not say.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.image_generation import Component, ImageRequest, Phase, Work
from ai_on_eks.descriptors.inventory import Activations, Inventory, Item, Operations, Tensor

SCALE = 8
"""Pixels along a side for one latent position: three halvings of the image (arXiv:2112.10752, §4.1, f = 8)."""

STEPS = 50
"""Denoising steps where no pipeline says: those of diffusers' StableDiffusionPipeline (0.42.1)."""


class Video(Struct, frozen=True):
    """What a pipeline of videos makes where nothing else is asked, by its `__call__` in diffusers, and how its latents
    stand for it: pixels along a side and frames for one latent position."""

    width: int
    height: int
    frames: int
    scale: int
    frame_scale: int

    @property
    def latent_frames(self) -> int:
        return (self.frames - 1) // self.frame_scale + 1

    @property
    def frame_positions(self) -> int:
        """Latent positions of one frame."""
        return (self.width // self.scale) * (self.height // self.scale)

    @property
    def positions(self) -> int:
        """Latent positions of all frames."""
        return self.latent_frames * self.frame_positions


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
    guided_apart: bool = False,
    video: Video | None = None,
) -> Inventory:
    """The inventory of one network; `side` is that of its latent image, where it is none of a video."""
    request = ImageRequest(
        width=side * scale if video is None else video.width,
        height=side * scale if video is None else video.height,
        steps=steps,
        guided=guided and phase is Phase.DENOISE,
        scale=scale,
        multiple=multiple,
        guided_apart=guided_apart,
        frames=1 if video is None else video.frames,
        frame_scale=1 if video is None else video.frame_scale,
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
        request.passes(component.phase) * component.work.flops_at(request.positions, request.latent_frames)
        for component in inventory.components
    )
    alive = max(
        request.images_at_once(component.phase)
        * (
            component.work.elements_at(request.positions, request.latent_frames)
            + component.work.kept_at(request.positions)
            + component.work.pairs_at(request.positions, request.latent_frames)
        )
        for component in inventory.components
    )
    return replace(
        inventory,
        image=request,
        operations=Operations(per_item=flops),
        activations=Activations(per_item=alive // request.batch),
    )
