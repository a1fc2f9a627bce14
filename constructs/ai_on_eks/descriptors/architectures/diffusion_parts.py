"""Layers that diffusion networks are built of. No server here divides them among accelerators: every rank holds all.

operations of a convolution = 2 × its matrix × positions of its output
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole


def linear(
    name: str,
    rows: int,
    columns: int,
    role: TensorRole,
    layers: tuple[int, ...] | None = None,
    *,
    count: int = 1,
    biased: bool = True,
    quantizable: bool = True,
) -> tuple[Tensor, ...]:
    """A matrix, and its bias where there is one; `layers` that have it, or `count` of them."""
    number = count if layers is None else len(layers)
    whole = Sharding.REPLICATED
    weight = Tensor(f"{name}.weight", (rows, columns), role, whole, number, quantizable, layers=layers)
    bias = Tensor(f"{name}.bias", (rows,), role, whole, number, layers=layers)
    return tuple(tensor for tensor in ((weight, bias) if biased else (weight,)) if number)


def convolution(name: str, outputs: int, inputs: int, kernel: int = 3) -> tuple[Tensor, Tensor]:
    """A square convolution and its bias."""
    role, whole = TensorRole.CONVOLUTION, Sharding.REPLICATED
    return (
        Tensor(f"{name}.weight", (outputs, inputs, kernel, kernel), role, whole),
        Tensor(f"{name}.bias", (outputs,), role, whole),
    )


def norm(name: str, width: int, *, count: int = 1) -> tuple[Tensor, Tensor]:
    """Scale and shift of a group or layer norm."""
    return (
        Tensor(f"{name}.weight", (width,), TensorRole.NORM, Sharding.REPLICATED, count),
        Tensor(f"{name}.bias", (width,), TensorRole.NORM, Sharding.REPLICATED, count),
    )


def table(
    name: str, shape: tuple[int, ...], layers: tuple[int, ...] | None = None, role: TensorRole = TensorRole.NORM
) -> tuple[Tensor, ...]:
    """A learned table or vector, one in each of `layers`."""
    count = 1 if layers is None else len(layers)
    return (Tensor(name, shape, role, Sharding.REPLICATED, count, layers=layers),) if count else ()


def two_linears(name: str, inputs: int, width: int, *, outputs: int | None = None) -> tuple[Tensor, ...]:
    """`linear_1` and `linear_2`, as all embeddings of time steps and prompts are made."""
    role = TensorRole.EMBEDDING
    last = width if outputs is None else outputs
    return (
        *linear(f"{name}.linear_1", width, inputs, role, quantizable=False),
        *linear(f"{name}.linear_2", last, width, role, quantizable=False),
    )


def matrices(tensors: Iterable[Tensor]) -> int:
    """Elements of all matrices and kernels; vectors and tables are added, not multiplied."""
    return sum(tensor.parameters for tensor in tensors if tensor.name.endswith(".weight") and len(tensor.shape) > 1)
