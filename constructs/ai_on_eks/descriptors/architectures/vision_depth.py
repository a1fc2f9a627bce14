"""Maps as fine as the image from a vision transformer's tokens: DPT (depth, labels of pixels) and Depth Anything.

With a transformer of width H on S ÷ P places a side, stages of widths C at factors f, and a common width F:

    body       DPT: ViT of `vision`, a pooler on the bare model;  Depth Anything: DINOv2 of `vision_relatives`
    reassemble each stage H × C + C to its width, then a kernel f × f (f > 1) or 3 × 3 (f < 1) of C² and C; with the
               readout 'project' 2H² + H first
    neck       each stage 9 C F; fusion 4 × (9F² + F) + F² + F, its batch norms 8F where there are any
    depth      9 F × F/2 + F/2 + 9 × F/2 × h + h + h + 1 with h = 32
    labels     9F² + 2F + labels × F + labels, twice with the auxiliary head

    operations per image  body  +  each kernel at the places of its map: S ÷ P × f, doubled by each fusion
    live per image        the larger of the body's and three maps of F at twice the finest stage, or the head's

Names are those of the published checkpoints.
Source: modeling_dpt.py and modeling_depth_anything.py of transformers 5.23.0, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import vision, vision_relatives
from ai_on_eks.descriptors.architectures.encoder_parts import whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)

FAMILY = "transformer"
ANYTHING, DPT = "depth_anything", "dpt"
MODEL_TYPES = (ANYTHING, DPT)

_NECK: Mapping[str, Any] = {"reassemble_factors": [4, 2, 1, 0.5]}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    ANYTHING: {**_NECK, "head_hidden_size": 32},
    DPT: {
        **_NECK,
        **vision.DEFAULTS["vit"],
        "readout_type": "project",
        "is_hybrid": False,
        "add_projection": False,
        "use_auxiliary_head": True,
        "use_batch_norm_in_fusion_residual": False,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_BACKBONE: Mapping[str, Any] = {
    **vision_relatives.DEFAULTS["dinov2"],
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 14,
    "model_type": "dinov2",
}
"""Of Depth Anything's section: published ones leave out what the class documents, the depth among it."""

DEPTH, SEGMENTS = "ForDepthEstimation", "ForSemanticSegmentation"
DPT_HEAD = 32
MAX_FACTOR = 16
PROJECTED = 256
"""Width of DPT's optional projection, whatever the fusion's is."""
_WHOLE, _KERNEL = Sharding.REPLICATED, TensorRole.CONVOLUTION


@dataclass(slots=True)
class _Maps:
    """Kernels so far, and the operations that each takes at the places of its map."""

    tensors: list[Tensor]
    flops: int = 0

    def convolve(self, name: str, outputs: int, inputs: int, kernel: int, side: float, *, biased: bool = True) -> None:
        shape = (outputs, inputs, kernel, kernel)
        self.tensors.append(Tensor(f"{name}.weight", shape, _KERNEL, _WHOLE))
        self.flops += ceil(2 * outputs * inputs * kernel**2 * side**2)
        if biased:
            self.tensors.append(Tensor(f"{name}.bias", (outputs,), _KERNEL, _WHOLE))

    def norm(self, name: str, width: int) -> None:
        for part in ("weight", "bias"):
            self.tensors.append(Tensor(f"{name}.{part}", (width,), TensorRole.NORM, _WHOLE))


class _Neck(Struct, frozen=True):
    """From the tokens of some layers to one map. `sizes` and `factors` are those of the stages."""

    hidden: int
    sizes: tuple[int, ...]
    factors: tuple[float, ...]
    fused: int
    places: int
    projects: bool = False
    is_normed: bool = False
    biased: bool = True

    @property
    def finest(self) -> float:
        """Places along a side of the map that the last fusion makes."""
        return 2 * self.places * self.factors[0]


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of such a model, or an InputError with every missing hyper-parameter."""
    return _anything(parameters) if model_type == ANYTHING else _dpt(parameters)


def _anything(parameters: Hyperparameters) -> Inventory:
    parameters.ending("architectures", (DEPTH,))
    section = parameters.section("backbone_config", _BACKBONE)
    section.choice("model_type", ("dinov2",))
    body = vision_relatives.read("dinov2", section.without("architectures"))
    places = section.integer("image_size") // section.integer("patch_size")
    neck = _neck(parameters, parameters.integer("reassemble_hidden_size"), places)
    head = parameters.integer("head_hidden_size")
    parameters.finish()
    maps = _necked(neck)
    half, side = neck.fused // 2, neck.finest
    maps.convolve("head.conv1", half, neck.fused, 3, side)
    maps.convolve("head.conv2", head, half, 3, 2 * side)
    maps.convolve("head.conv3", 1, head, 1, 2 * side)
    renamed = tuple(replace(one, name=one.name.replace("dinov2.", "backbone.", 1)) for one in body.tensors)
    return _on(ANYTHING, replace(body, tensors=renamed), neck, maps, half + head)


def _dpt(parameters: Hyperparameters) -> Inventory:
    kind = parameters.ending("architectures", (DEPTH, SEGMENTS, "Model")) or "Model"
    parameters.support("is_hybrid", not parameters.flag("is_hybrid"), "a convolutional network before the transformer")
    parameters.support("backbone_config", not parameters.has("backbone_config"), "a body other than its own ViT")
    if kind == "Model":
        return _named(vision.read(DPT, parameters.as_class("ViTModel")))
    body = _named(vision.read(DPT, parameters.as_class("ViTModel")))
    body = replace(body, tensors=tuple(one for one in body.tensors if ".pooler." not in one.name))
    readout = parameters.choice("readout_type", ("project", "ignore", "add"))
    is_normed = parameters.flag("use_batch_norm_in_fusion_residual")
    told = parameters.has("use_bias_in_fusion_residual")
    biased = parameters.flag("use_bias_in_fusion_residual") if told else not is_normed
    places = parameters.integer("image_size") // parameters.integer("patch_size")
    neck = replace(
        _neck(parameters, body.hidden_size, places), projects=readout == "project", is_normed=is_normed, biased=biased
    )
    labels = parameters.labels() if kind == SEGMENTS else 0
    helped = kind == SEGMENTS and parameters.flag("use_auxiliary_head")
    added = kind == DEPTH and parameters.flag("add_projection")
    parameters.finish()

    maps, fused, side = _necked(neck), neck.fused, neck.finest
    if added:
        maps.convolve("head.projection", PROJECTED, PROJECTED, 3, side)
    if kind == DEPTH:
        maps.convolve("head.head.0", fused // 2, fused, 3, side)
        maps.convolve("head.head.2", DPT_HEAD, fused // 2, 3, 2 * side)
        maps.convolve("head.head.4", 1, DPT_HEAD, 1, 2 * side)
    for name in (("head", "auxiliary_head") if helped else ("head",)) if kind == SEGMENTS else ():
        maps.convolve(f"{name}.head.0", fused, fused, 3, side, biased=False)
        maps.norm(f"{name}.head.1", fused)
        maps.convolve(f"{name}.head.4", labels, fused, 1, side)
    return _on(DPT, body, neck, maps, fused // 2 + DPT_HEAD if kind == DEPTH else labels)


def _named(body: Inventory) -> Inventory:
    """ViT's tensors under DPT's names."""
    return replace(body, tensors=tuple(replace(one, name=one.name.replace("vit.", "dpt.", 1)) for one in body.tensors))


def _neck(parameters: Hyperparameters, hidden: int, places: int) -> _Neck:
    sizes, factors = parameters.integers("neck_hidden_sizes"), _factors(parameters)
    message = f"{len(sizes)} widths, but {len(factors)} factors"
    parameters.relate(("neck_hidden_sizes", "reassemble_factors"), len(sizes) == len(factors), message)
    return _Neck(hidden, sizes, factors, parameters.integer("fusion_hidden_size"), places)


def _factors(parameters: Hyperparameters) -> tuple[float, ...]:
    values = parameters.value("reassemble_factors") or _NECK["reassemble_factors"]
    right = isinstance(values, list) and all(
        isinstance(one, int | float) and 0 < one <= MAX_FACTOR and (one <= 1 or one == int(one)) for one in values
    )
    parameters.support("reassemble_factors", right, f"factors other than fractions and whole numbers to {MAX_FACTOR}")
    return tuple(float(one) for one in values) if right else ()


def _necked(neck: _Neck) -> _Maps:
    maps, hidden = _Maps([]), neck.hidden
    for number, (size, factor) in enumerate(zip(neck.sizes, neck.factors, strict=True)):
        stage, side = "neck.reassemble_stage", neck.places * factor
        if neck.projects:
            project = whole(f"{stage}.readout_projects.{number}.0", hidden, 2 * hidden, TensorRole.FEED_FORWARD)
            maps.tensors += project
            maps.flops += 4 * hidden**2 * neck.places**2
        maps.convolve(f"{stage}.layers.{number}.projection", size, hidden, 1, neck.places)
        if factor != 1:
            kernel, at = (int(factor), neck.places) if factor > 1 else (3, side)
            maps.convolve(f"{stage}.layers.{number}.resize", size, size, kernel, at)
        maps.convolve(f"neck.convs.{number}", neck.fused, size, 3, side, biased=False)
    for number, factor in enumerate(reversed(neck.factors)):
        name, side = f"neck.fusion_stage.layers.{number}", neck.places * factor
        maps.convolve(f"{name}.projection", neck.fused, neck.fused, 1, 2 * side)
        for part in ("residual_layer1", "residual_layer2"):
            for unit in (1, 2):
                convolution = f"{name}.{part}.convolution{unit}"
                maps.convolve(convolution, neck.fused, neck.fused, 3, side, biased=neck.biased)
                if neck.is_normed:
                    maps.norm(f"{name}.{part}.batch_norm{unit}", neck.fused)
    return maps


def _on(model_type: str, body: Inventory, neck: _Neck, maps: _Maps, channels: int) -> Inventory:
    """`channels`: of the head, alive at twice the finest map's side."""
    finest = ceil(neck.finest)
    return replace(
        body,
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(*body.tensors, *maps.tensors),
        operations=Operations(per_item=body.operations.per_item + maps.flops),
        activations=Activations(
            per_item=max(body.activations.per_item, 3 * neck.fused * finest**2, channels * (2 * finest) ** 2)
        ),
    )
