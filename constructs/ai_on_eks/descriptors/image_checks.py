"""What has to agree between the image that is asked for and the diffusion model that makes it."""

from __future__ import annotations

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Serving
from ai_on_eks.errors import Problem


def check_image(serving: Serving, inventory: Inventory) -> list[Problem]:
    """Sides that the model cannot make, and images asked of a model that makes none."""
    if serving.image is None:
        return []
    if inventory.image is None:
        message = f"'{inventory.architecture}' makes no images"
        return [
            Problem("contradiction", message, path="serving.image", fix="remove 'image', or name a diffusion model")
        ]
    multiple = inventory.image.multiple
    return [
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
