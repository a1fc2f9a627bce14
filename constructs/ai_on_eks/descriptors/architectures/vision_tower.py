"""What every vision tower is: a vision transformer before a decoder, which makes tokens of an image.

    weights     of the tower and of what maps its output to the decoder's width; all of role VISION
    operations  per token handed on: the matrices of the patches merged into it, and its share of their attention
    live        per patch: the residual, and beside it the feed-forward block or the attention, as of any encoder

A tower runs once per image, before the decoder reads its tokens. Published quantized checkpoints leave it in 16 bit
(Qwen3-VL-…-FP8: every `visual` module under modules_to_not_convert; NVIDIA's NVFP4: `visual*`, `vision_tower*`,
`embed_vision*` ignored), so nothing of it counts as quantizable.

vLLM divides a tower's matrices over the ranks like the decoder's (mm_encoder_tp_mode "weights", the default), where its
layers are written as parallel ones, and keeps it whole where they are plain; patch embeddings, positions and norms are
always whole. Source: vLLM 0.33.0, model_executor/models, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.inventory import InputEncoder, Inventory, Operations, Sharding, Tensor, TensorRole

TEXT_CLASSES: Mapping[str, str] = {"ForConditionalGeneration": "ForCausalLM", "Model": "Model"}
"""End of the class of the whole -> that of its text part."""


class VisionTower(Struct, frozen=True):
    """A tower's tensors, and its cost beside them."""

    tensors: tuple[Tensor, ...]
    encoder: InputEncoder

    def before(self, text: Inventory, architecture: str) -> Inventory:
        """The inventory of the decoder `text` with this tower before it."""
        return replace(
            text,
            architecture=architecture,
            tensors=(*self.tensors, *text.tensors),
            encoders=(*text.encoders, self.encoder),
        )


def matrix(name: str, rows: int, columns: int, count: int = 1, *, divided: bool = True) -> Tensor:
    """A weight matrix of a tower."""
    sharding = Sharding.SPLIT if divided else Sharding.REPLICATED
    return Tensor(f"{name}.weight", (rows, columns), TensorRole.VISION, sharding, count)


def affine(
    name: str,
    rows: int,
    columns: int,
    count: int = 1,
    *,
    divided: bool = True,
    divided_input: bool = False,
    biased: bool = True,
) -> tuple[Tensor, ...]:
    """A matrix and its bias. Where tensor parallelism divides the input, the bias is whole on every rank."""
    weight = matrix(name, rows, columns, count, divided=divided)
    if not biased:
        return (weight,)
    bias_sharding = Sharding.SPLIT if divided and not divided_input else Sharding.REPLICATED
    return (weight, Tensor(f"{name}.bias", (rows,), TensorRole.VISION, bias_sharding, count))


def whole(name: str, *shape: int, count: int = 1) -> Tensor:
    """A tensor that every rank holds: a norm, a table of positions, a patch embedding."""
    return Tensor(name, shape, TensorRole.VISION, Sharding.REPLICATED, count)


def norm(name: str, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """Scale and shift."""
    return (whole(f"{name}.weight", width, count=count), whole(f"{name}.bias", width, count=count))


def as_tower(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Tensors of an encoder, where it is a tower: left in 16 bit, however the decoder is quantized."""
    return tuple(replace(tensor, role=TensorRole.VISION, quantizable=False) for tensor in tensors)


def flops(tensors: Iterable[Tensor]) -> int:
    """Operations of one patch through every matrix and convolution of `tensors`: a patch is one step of either."""
    return sum(2 * tensor.count * prod(tensor.shape) for tensor in tensors if len(tensor.shape) > 1)


def encoder(
    *,
    patch_flops: int,
    token_flops: int,
    layers: int,
    hidden: int,
    block_live: int,
    patches_per_token: int,
    token_live: int,
    handed: int,
    tokens: int | None = None,
) -> InputEncoder:
    """A tower of `layers` alike, each token of it merged from `patches_per_token` patches.

        attention = 4 × layers × H × patches per token²    per token handed on and token of the same image: scores and
                                                           their product with the values, of each pair of patches

    patch_flops  of one patch, the attention to others left out
    token_flops  of one token handed on, after the tower
    block_live   elements per patch beside the residual, in the feed-forward block; the attention's own are 4 × H
    token_live   elements per token handed on while merged patches are mapped to the decoder's width
    """
    return InputEncoder(
        operations=Operations(
            per_item=patches_per_token * patch_flops + token_flops,
            per_item_and_context_token=4 * layers * hidden * patches_per_token**2,
        ),
        per_item=max(patches_per_token * (hidden + max(block_live, 4 * hidden)), token_live),
        handed=handed,
        tokens=tokens,
    )
