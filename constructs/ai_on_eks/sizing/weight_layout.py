"""What an engine makes of the weights that it loads: the seam between a checkpoint's tensors and an engine's kernels.

    tensor   = bytes(⌈elements ÷ shards⌉)                                             as stored; otherwise:
    experts  = rows × ⌈columns × 4 bit⌉ + scales                                      MXFP4, dimensions padded
    scales   = rows padded to the kernel's × columns ÷ 32 × 8 bit, kept twice where the loaded ones stay
    latent   = as stored + ⌈elements ÷ shards⌉ × compute format                       its up-projection, if quantized

The kernels that multiply by 4-bit experts want dimensions in multiples, and which one is used depends on the compute
capability. Where it is not known the widest is assumed, that of the oldest devices. An engine that attends to the
latent itself (DeepSeek-V2, arXiv:2405.04434) needs its up-projection in the format that computes, and the quantized
one as well for prompts.

Read from vLLM 0.11.0, 0.14.1, 0.19.1, 0.20.2, 0.21.0, 0.25.0, 0.26.0 and 0.33.0 (model_executor/layers/quantization/
mxfp4.py, fused_moe/oracle/mxfp4.py, attention/mla_attention.py; triton_kernels hopper_scale.py), 2026-11-24.
"""

from __future__ import annotations

from math import prod

from msgspec import Struct

from ai_on_eks.catalog.types import EngineMemory, ExpertKernel
from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Tensor, TensorRole
from ai_on_eks.units import ceil_div

MXFP4 = ElementFormat(4, 32, 8)
_ABSORBED = "kv_b_proj.weight"
_DOWN = ("down_proj", "w2", "fc2")
_MATRIX = 2


class WeightLayout(Struct, frozen=True):
    """How one engine keeps weights on one kind of device. The defaults mean "as they are stored"."""

    experts: ExpertKernel | None = None
    keeps_absorbed_latents: bool = False
    encoders_on_every_stage: bool = False


AS_STORED = WeightLayout()


def weight_layout(engine: EngineMemory, compute_capability: tuple[int, int] | None) -> WeightLayout:
    """The layout on a device of this compute capability; None = not known."""
    capability = compute_capability or (0, 0)
    kernels = (kernel for kernel in engine.expert_kernels if kernel.least_capability <= capability)
    return WeightLayout(next(kernels, None), engine.keeps_absorbed_latents, engine.encoders_on_every_stage)


def kept_bytes(
    tensor: Tensor, stored: ElementFormat, compute: ElementFormat, shards: int, layout: WeightLayout, *, is_mxfp4: bool
) -> int:
    """Bytes of one tensor on a rank. `is_mxfp4` = it is of a layer whose experts are."""
    kernel = layout.experts
    if kernel is not None and is_mxfp4 and tensor.role is TensorRole.EXPERT:
        return _expert_bytes(tensor, stored, shards, kernel)
    elements = ceil_div(prod(tensor.shape), shards)
    kept = stored.bytes_for(elements)
    if layout.keeps_absorbed_latents and stored.bits < compute.bits and tensor.name.endswith(_ABSORBED):
        kept += compute.bytes_for(elements)
    return kept


def _expert_bytes(tensor: Tensor, stored: ElementFormat, shards: int, kernel: ExpertKernel) -> int:
    is_down = any(part in _DOWN for part in tensor.name.split("."))
    if len(tensor.shape) != _MATRIX:
        wide = _padded(tensor.shape[0], kernel.hidden_multiple) if is_down else _inner(tensor.shape[0], shards, kernel)
        bits = kernel.bias_bits or stored.bits
        return ceil_div(wide * bits, 8)
    if is_down:
        rows = _padded(tensor.shape[0], kernel.hidden_multiple)
        columns = _inner(tensor.shape[1], shards, kernel)
        scale_rows = _padded(rows, kernel.scale_rows)
    else:
        rows = _inner(tensor.shape[0], shards, kernel)
        columns = _padded(tensor.shape[1], kernel.hidden_multiple)
        scale_rows = ceil_div(_padded(2 * rows, kernel.scale_rows), 2)  # gate and up stand in one matrix
    groups = ceil_div(columns, MXFP4.group_elements)
    scales = scale_rows * (_padded(groups, 2) if kernel.scale_rows > 1 else groups)
    if kernel.keeps_loaded_scales:
        scales += rows * groups
    return ceil_div(rows * columns * MXFP4.bits, 8) + scales


def _inner(size: int, shards: int, kernel: ExpertKernel) -> int:
    """A rank's part of the experts' inner size: whole groups of scales, padded."""
    groups = ceil_div(size, MXFP4.group_elements)
    return _padded(ceil_div(groups, shards) * MXFP4.group_elements, kernel.inner_multiple)


def _padded(size: int, multiple: int) -> int:
    return ceil_div(size, multiple) * multiple
