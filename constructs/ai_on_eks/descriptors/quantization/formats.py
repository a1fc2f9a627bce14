"""How a quantized matrix is stored: its elements, and the scales and zero points beside them.

    bytes = rows × columns × bits ÷ 8  +  groups × (scale bits + zero point bits) ÷ 8
    groups = 1 for a tensor, rows for channels, rows × ⌈columns ÷ size⌉ for groups,
             ⌈rows ÷ a⌉ × ⌈columns ÷ b⌉ for blocks

A matrix is (rows, columns) = (outputs, inputs), as the inventory's shapes are. Scales are counted as the engine holds
them, which is at least as large as they are stored: vLLM 0.33 keeps scales of tensors, channels and blocks in FP32
(model_executor/layers/quantization/utils/fp8_utils.py, create_fp8_scale_parameter) and those of integer groups in the
data type that computes (compressed_tensors/schemes/compressed_tensors_wNa16.py), read in November 2026.
"""

from __future__ import annotations

from math import prod

from msgspec import Struct

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.units import ceil_div

TENSOR = (0, 0)
"""Block of a scale that the whole tensor shares."""
FLAT = -1
"""Instead of a number of rows: blocks follow the elements across the ends of rows."""


class MatrixFormat(Struct, frozen=True):
    """`bits` for each element; `scale_bits` (zero point included) for every block of `block` rows and columns, where 0
    stands for all of them."""

    bits: int
    block: tuple[int, int] = TENSOR
    scale_bits: int = 0

    def of(self, shape: tuple[int, ...]) -> ElementFormat:
        """The format in one matrix, whose dimensions decide how many scales there are."""
        if not self.scale_bits:
            return ElementFormat(self.bits)
        elements, columns = prod(shape), shape[-1]
        rows = elements // columns
        if self.block[0] == FLAT:
            return ElementFormat(self.bits, self.block[1], self.scale_bits)
        height, width = self.block[0] or rows, self.block[1] or columns
        groups = ceil_div(rows, height) * ceil_div(columns, width)
        return ElementFormat(self.bits, ceil_div(elements, groups), self.scale_bits)


def grouped(bits: int, size: int, scale_bits: int) -> MatrixFormat:
    """A scale for every `size` inputs of a row; -1 or 0 means the whole row."""
    return MatrixFormat(bits, (1, max(size, 0)), scale_bits)


FP32_BITS = 32
HALF = MatrixFormat(16)
FP8_TENSOR = MatrixFormat(8, TENSOR, FP32_BITS)
FP8_CHANNEL = grouped(8, 0, FP32_BITS)
FP8_BLOCK = MatrixFormat(8, (128, 128), FP32_BITS)
INT8_CHANNEL = grouped(8, 0, FP32_BITS)
MXFP4 = grouped(4, 32, 8)
"""OCP Microscaling Formats 1.0 (2023-09): one E8M0 scale for 32 elements."""
MXFP8 = grouped(8, 32, 8)
NVFP4 = grouped(4, 16, 8)
"""NVIDIA NVFP4: one E4M3 scale for 16 elements. Its one FP32 scale per tensor is below a millionth and left out."""
NF4 = MatrixFormat(4, (FLAT, 64), FP32_BITS)
"""bitsandbytes: an FP32 maximum for 64 elements (functional.py, quantize_4bit's default blocksize)."""
NF4_DOUBLE = MatrixFormat(4, (FLAT, 64 * 256), 256 * 8 + FP32_BITS)
"""Double quantization: the maxima in 8 bits, with one FP32 maximum for 256 of them (same file)."""
