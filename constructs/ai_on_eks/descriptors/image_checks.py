"""What has to agree between the image or video that is asked for and the diffusion model that makes it."""

from __future__ import annotations

from ai_on_eks.descriptors.image_generation import ImageRequest
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Serving
from ai_on_eks.errors import Problem


def check_image(serving: Serving, inventory: Inventory) -> list[Problem]:
    """Sides and frames that the model cannot make, and images asked of a model that makes none."""
    if serving.image is None:
        return []
    if inventory.image is None:
        message = f"'{inventory.architecture}' makes no images"
        return [
            Problem("contradiction", message, path="serving.image", fix="remove 'image', or name a diffusion model")
        ]
    multiple = inventory.image.multiple
    sides = [
        Problem(
            "out-of-range",
            f"{asked} pixels are not a multiple of {multiple}",
            path=f"serving.image.{side}",
            value=asked,
            allowed=(f"multiples of {multiple}",),
            fix=f"write {max(multiple, round(asked / multiple) * multiple)}",
        )
        for side, asked in (("width", serving.image.width), ("height", serving.image.height))
        if asked is not None and asked % multiple
    ]
    return sides + _frames(serving.image.frames, inventory.image, inventory.architecture)


def _frames(asked: int | None, image: ImageRequest, architecture: str) -> list[Problem]:
    path, scale = "serving.image.frames", image.frame_scale
    if asked is None or ((asked - 1) % scale == 0 and (scale > 1 or asked == 1)):
        return []
    if scale == 1:
        message = f"'{architecture}' makes images, not videos"
        return [Problem("contradiction", message, path=path, value=asked, fix="remove 'frames'")]
    message = f"{asked} frames are not one more than a multiple of {scale}"
    allowed = (f"multiples of {scale}, and one more",)
    fix = f"write {round((asked - 1) / scale) * scale + 1}"
    return [Problem("out-of-range", message, path=path, value=asked, allowed=allowed, fix=fix)]
