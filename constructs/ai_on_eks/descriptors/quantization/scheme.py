"""The rules of a quantized checkpoint, and an inventory divided by them.

    format of a matrix = that of the first rule that names it
                         otherwise the checkpoint's `default`, if a scheme normally touches such a matrix
                         otherwise the data type that computes

Layers of one tensor that are stored differently become tensors of their own, which keep the numbers of their layers.
Norms, embeddings and convolutions are never quantized, a router or a head only where a rule names it or `head` says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole
from ai_on_eks.descriptors.quantization.formats import HALF, MatrixFormat
from ai_on_eks.descriptors.quantization.names import Pattern, Work, layers_of, modules_of
from ai_on_eks.descriptors.schema import CachePrecision, WeightPrecision

_MATRIX = 2
_NEVER = frozenset({TensorRole.NORM, TensorRole.CONVOLUTION, TensorRole.EMBEDDING})


class Rule(Struct, frozen=True):
    """The modules that `pattern` means are stored in `stored`; None = not quantized."""

    pattern: Pattern
    stored: MatrixFormat | None


class Quantization(Struct, frozen=True):
    """What a checkpoint's own config says.

    method     `quant_method`, or the name it goes by in a descriptor's `scheme`
    weights    the data type of the quantized matrices; None = there are several, listed in `precisions`
    default    what matrices without a rule are stored in; None = they are not quantized
    roles      the only roles that `default` is for; empty = all that quantization normally touches
    experts    what experts without a rule are stored in, where it differs from `default`
    head       `default` is for the head as well
    kv_cache   the data type of keys and values that the checkpoint brings scales for
    """

    method: str
    default: MatrixFormat | None
    weights: WeightPrecision | None = None
    rules: tuple[Rule, ...] = ()
    roles: frozenset[TensorRole] = frozenset()
    experts: MatrixFormat | None = None
    head: bool = False
    kv_cache: CachePrecision = CachePrecision.AUTO
    precisions: tuple[tuple[MatrixFormat, WeightPrecision], ...] = ()


def quantize(inventory: Inventory, quantization: Quantization) -> Inventory:
    """The inventory with every matrix in the format that the checkpoint stores it in. `ValueError` where the rules take
    too long to follow."""
    work = Work()
    tensors, unserved = (
        tuple(part for tensor in group for part in _stored(tensor, quantization, work))
        for group in (inventory.tensors, inventory.unserved_tensors)
    )
    return replace(inventory, tensors=tensors, unserved_tensors=unserved)


def dominant(inventory: Inventory, quantization: Quantization) -> WeightPrecision | None:
    """The data type that most parameters of a checkpoint with several are stored in."""
    if quantization.weights is not None:
        return quantization.weights
    work = Work()
    parameters: dict[WeightPrecision, int] = {}
    for tensor in inventory.tensors:
        for stored, layers in _formats(tensor, quantization, work):
            named = dict(quantization.precisions).get(stored) if stored is not None else None
            if named is not None:
                share = tensor.parameters * len(layers) // len(layers_of(tensor))
                parameters[named] = parameters.get(named, 0) + share
    return max(sorted(parameters), key=lambda one: parameters[one]) if parameters else None


def divide(tensor: Tensor, layers: tuple[int, ...]) -> Tensor:
    """The part of a tensor that is in `layers`."""
    whole = layers_of(tensor)
    if len(layers) == len(whole):
        return tensor
    active = tensor.active_count
    return replace(
        tensor,
        count=len(layers) * tensor.per_layer,
        active_count=None if active is None else active * len(layers) // len(whole),
        layers=layers,
    )


def _stored(tensor: Tensor, quantization: Quantization, work: Work) -> Iterable[Tensor]:
    for stored, layers in _formats(tensor, quantization, work):
        part = divide(tensor, layers)
        if stored is not None:
            yield replace(part, stored=stored.of(tensor.shape))
        elif tensor.quantizable:
            yield replace(part, stored=HALF.of(tensor.shape))
        else:
            yield part


def _formats(
    tensor: Tensor, quantization: Quantization, work: Work
) -> list[tuple[MatrixFormat | None, tuple[int, ...]]]:
    """The formats of a tensor, each with its layers; None = not quantized."""
    layers = layers_of(tensor)
    is_matrix = tensor.quantizable or len(tensor.shape) == _MATRIX
    if not is_matrix or len(tensor.shape) < _MATRIX or tensor.role in _NEVER:
        return [(None, layers)]
    modules, remaining = modules_of(tensor), frozenset(layers)
    found: dict[MatrixFormat | None, set[int]] = {}
    for rule in quantization.rules:
        if not remaining:
            break
        matched = rule.pattern.in_layers(modules, work) & remaining
        if matched:
            found.setdefault(rule.stored, set()).update(matched)
            remaining -= matched
    if remaining:
        found.setdefault(_default(tensor, quantization), set()).update(remaining)
    return [(stored, tuple(layer for layer in layers if layer in numbers)) for stored, numbers in found.items()]


def _default(tensor: Tensor, quantization: Quantization) -> MatrixFormat | None:
    if tensor.role is TensorRole.HEAD:
        return quantization.default if quantization.head else None
    if not tensor.quantizable or (quantization.roles and tensor.role not in quantization.roles):
        return None
    if tensor.role is TensorRole.EXPERT and quantization.experts is not None:
        return quantization.experts
    return quantization.default
