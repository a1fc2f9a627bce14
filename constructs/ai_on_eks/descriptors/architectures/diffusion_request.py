"""What a descriptor asks of a diffusion model, put in the place of the model's defaults."""

from __future__ import annotations

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.diffusion_lone import asked
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Image


def requested(inventory: Inventory, image: Image | None) -> Inventory:
    """The inventory at work on the images that are asked for; the same where nothing is."""
    default = inventory.image
    if default is None or image is None:
        return inventory
    request = replace(
        default,
        width=default.width if image.width is None else image.width,
        height=default.height if image.height is None else image.height,
        frames=default.frames if image.frames is None else image.frames,
        steps=default.steps if image.steps is None else image.steps,
        guided=default.guided if image.guidance is None else image.guidance,
        batch=image.batch,
        offload=image.offload,
        tiled=image.vae_tiling,
        sliced=image.vae_slicing,
    )
    return asked(inventory, request)
