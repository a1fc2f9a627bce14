"""What a config that timm publishes says: the name of the model, its classes and the images it takes.

    {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"input_size": [3, 224, 224], …}, …}

The widths and depths stand in no config: timm builds them from the name. The modules `timm_…` hold them as data.
Source: the hub integration and the builders of timm 1.0.31 (`_hub.py`, `_builder.py`), read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.convolution_network import MAX_SIDE
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters

DEFAULT_LABELS = 1000
"""What every builder of timm documents for `num_classes`."""


class TimmConfig(Struct, frozen=True):
    """Name without its prefix, outputs of the classifier (0: none), and the images."""

    name: str
    labels: int
    channels: int
    side: int
    assumed: tuple[str, ...]


def defaults(model_types: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """`DEFAULTS` of a module."""
    return {model_type: {"num_classes": DEFAULT_LABELS} for model_type in model_types}


def read_config(model_type: str, parameters: Hyperparameters, side: int) -> TimmConfig:
    """The config of a model that was made for images of `side` pixels.

    Arguments to the builder may change any layer, so that a config with some is refused.
    """
    labels = parameters.integer("num_classes", least=0)
    no_arguments = not parameters.has("model_args") or parameters.value("model_args") == {}
    parameters.support("model_args", no_arguments, "arguments change what the name stands for")
    channels, height = 3, side
    assumed: tuple[str, ...] = (f"images of {side} × {side} pixels: the config does not say",)
    if parameters.has("pretrained_cfg"):
        part = parameters.section("pretrained_cfg", {})
        if part.has("input_size"):
            size = part.integers("input_size")
            right = len(size) == 3 and size[1] == size[2] and size[1] <= MAX_SIDE
            part.relate(("input_size",), right, f"not channels and two equal sides of up to {MAX_SIDE} pixels")
            channels, height = (size[0], size[1]) if right else (channels, side)
            assumed = ()
    return TimmConfig(model_type.removeprefix("timm/"), labels, channels, height, assumed)
