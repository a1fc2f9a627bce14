"""The same for the networks of timm, whose configs are a name, the classes of the classifier and the images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import timm

from ai_on_eks.descriptors.architectures.timm_names import TIMM
from benchmarks.parameters import library
from benchmarks.parameters.compare import WHOLE, Comparison, judge

LABELS = (1000, 0, 21_841)
CHANNELS = (3, 1)
LARGER = 64
"""Pixels on a side beyond those that the name stands for: whole patches and strides of every network."""


def has(model_type: str) -> bool:
    """Whether timm builds a model of that name."""
    return model_type.startswith(TIMM) and model_type.removeprefix(TIMM) in timm.list_models()


def compare_name(model_type: str) -> Iterator[Comparison]:
    """Every number of classes and channels, at the images of the name and at larger ones."""
    name = model_type.removeprefix(TIMM)
    usual = timm.models.get_pretrained_cfg(name, allow_unregistered=True)
    side = usual.input_size[-1] if usual is not None else 224
    for labels in LABELS:
        for channels in CHANNELS:
            for size in (side, side + LARGER):
                given = {"num_classes": labels, "in_chans": channels}
                try:
                    expected = library.count(_builder(name, size), given)
                except Exception:  # noqa: S112 - whatever it raises: the library has no such network
                    continue
                config = {
                    "architecture": name,
                    "num_classes": labels,
                    "pretrained_cfg": {"input_size": [channels, size, size]},
                }
                outcome, told = judge(config, expected, config)
                changes = (f"{labels} classes", f"{channels} channels", f"{size} pixels")
                yield Comparison(model_type, name, WHOLE, changes, outcome, expected, told)


def _builder(name: str, size: int) -> Any:
    def build(given: dict[str, Any]) -> Any:
        try:
            return timm.create_model(name, img_size=size, **given)
        except TypeError:  # a network that takes images of any size
            return timm.create_model(name, **given)

    return build
