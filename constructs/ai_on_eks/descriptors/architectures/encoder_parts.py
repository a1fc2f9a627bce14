"""Layers that every encoder is built of."""

from __future__ import annotations

from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole


def linear(
    name: str, rows: int, columns: int, role: TensorRole, count: int = 1, *, divided_input: bool = False
) -> tuple[Tensor, Tensor]:
    """A matrix and its bias. Where tensor parallelism divides the input, the bias is whole on every rank."""
    bias_sharding = Sharding.REPLICATED if divided_input else Sharding.SPLIT
    return (
        Tensor(f"{name}.weight", (rows, columns), role, Sharding.SPLIT, count, quantizable=True),
        Tensor(f"{name}.bias", (rows,), role, bias_sharding, count),
    )


def whole(name: str, rows: int, columns: int, role: TensorRole) -> tuple[Tensor, Tensor]:
    """A matrix and its bias that every rank holds: small, once per model."""
    return (
        Tensor(f"{name}.weight", (rows, columns), role, Sharding.REPLICATED),
        Tensor(f"{name}.bias", (rows,), role, Sharding.REPLICATED),
    )


def layer_norm(name: str, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """Scale and shift."""
    return (
        Tensor(f"{name}.weight", (width,), TensorRole.NORM, Sharding.REPLICATED, count),
        Tensor(f"{name}.bias", (width,), TensorRole.NORM, Sharding.REPLICATED, count),
    )
