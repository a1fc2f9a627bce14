"""Operations that follow from tensors alone."""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.descriptors.inventory import Tensor, TensorRole

_LOOKED_UP = (TensorRole.EMBEDDING, TensorRole.POOLER)
"""Not multiplied per token: a row is copied out of an embedding; a pooler runs once per sequence."""


def matrix_flops(tensors: Iterable[Tensor]) -> int:
    """2 × active parameters of every matrix a token is multiplied with.

    Vectors (norms, biases) are left out: below 0.1 %.
    """
    multiplied = (tensor for tensor in tensors if len(tensor.shape) == 2 and tensor.role not in _LOOKED_UP)
    return sum(2 * tensor.active_parameters for tensor in multiplied)
