"""What every config of an image model says: the side of its images and its labels."""

from __future__ import annotations

from ai_on_eks.descriptors.architectures.convolution_network import MAX_SIDE
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters


def image_side(parameters: Hyperparameters, otherwise: int) -> tuple[int, tuple[str, ...]]:
    """Pixels on a side, and what was assumed about them where the config does not say."""
    side = parameters.integer_or("image_size", otherwise)
    parameters.relate(("image_size",), side <= MAX_SIDE, f"{side} pixels; at most {MAX_SIDE}")
    assumed = f"images of {otherwise} × {otherwise} pixels: the config does not say"
    return side, () if parameters.has("image_size") else (assumed,)


def labels_of(parameters: Hyperparameters) -> int:
    """Outputs of the classifier; 0 for the bare model, which has none.

    A config without `architectures` is taken as the classifier that these networks are published as.
    """
    if parameters.ending("architectures", ("ForImageClassification", "Model")) == "Model":
        return 0
    return parameters.labels()
