"""GGUF: what llama.cpp stores each tensor in, by the name of a mixture or by the file's own header.

    bytes of a tensor = elements ÷ block × bytes per block                       (readers.ggml_types)

A mixture such as Q4_K_M gives some tensors more bits than others (`mixtures`). Tensors of one dimension, norms, routers
and convolutions stay in F32, as convert_hf_to_gguf.py writes them.

What `describe` read from a file's header is exact and comes first: `quantization_config.types` names the type of every
tensor, or the layers of each type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.hyperparameters import CONFIG_PATH
from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole
from ai_on_eks.descriptors.quantization.gguf_names import Category, category_of, gguf_name
from ai_on_eks.descriptors.quantization.mixtures import MIXTURES, Mixture, Model, chosen_type, fallback
from ai_on_eks.descriptors.quantization.names import layers_of
from ai_on_eks.descriptors.quantization.scheme import divide
from ai_on_eks.descriptors.quantization.settings import KEY
from ai_on_eks.descriptors.readers.ggml_types import GGML_TYPES
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import InputError, Problem

PREFIX = "gguf:"
_BLOCKS = {one.name: (one.block, one.bytes_per_block) for one in GGML_TYPES.values()}
_MATRIX = 2
_FULL = "f32"
_UNTOUCHED = frozenset({TensorRole.NORM, TensorRole.ROUTER, TensorRole.CONVOLUTION})
_LLAMA_70B = {"llama": 80, "qwen2": 80}
"""Model types and layers that llama.cpp takes for the size 70B. Source: its models' load_hparams."""


def block_format(name: str) -> ElementFormat:
    """A block type of ggml as whole bits for each element and the rest for each block."""
    block, block_bytes = _BLOCKS[name]
    bits, rest = divmod(block_bytes * 8, block)
    return ElementFormat(bits, block if rest else 0, rest)


def mixture_of(scheme: str) -> Mixture:
    """The mixture that `gguf:…` names, or an `InputError` with all that are known."""
    mixture = MIXTURES.get(scheme.removeprefix(PREFIX))
    if mixture is None:
        allowed = tuple(f"{PREFIX}{name}" for name in sorted(MIXTURES))
        message = f"no sizing for scheme {scheme!r}"
        fix = "name one of the allowed schemes"
        raise InputError(
            Problem(
                "unknown-quantization-scheme", message, path="precision.scheme", value=scheme, allowed=allowed, fix=fix
            )
        )
    return mixture


def as_in_file(descriptor: Descriptor, inventory: Inventory) -> Inventory:
    """Every tensor in the type that the file stores it in."""
    scheme = descriptor.precision.scheme if descriptor.precision is not None else None
    if scheme is None or not scheme.startswith(PREFIX):
        return inventory  # `checks` asks for the scheme
    file = _FileTypes(descriptor.architecture.config)
    model = _model(inventory)
    tensors = tuple(
        part
        for tensor in inventory.tensors
        for part in _stored(tensor, file.types(tensor) or _mixed(tensor, mixture_of(scheme), model))
    )
    return replace(inventory, tensors=tensors)


def _model(inventory: Inventory) -> Model:
    experts = max((tensor.per_layer for tensor in inventory.tensors if tensor.role is TensorRole.EXPERT), default=1)
    return Model(
        layers=inventory.layers,
        experts=experts,
        queries_per_key=inventory.attention_heads // inventory.key_value_heads if inventory.key_value_heads else 1,
        has_head=any(tensor.role is TensorRole.HEAD for tensor in inventory.tensors),
        is_70b=_LLAMA_70B.get(inventory.architecture) == inventory.layers,
        is_falcon=inventory.architecture == "falcon",
    )


def _mixed(tensor: Tensor, mixture: Mixture, model: Model) -> dict[str, tuple[int, ...]]:
    """Type -> the tensor's layers that are stored in it."""
    layers = layers_of(tensor)
    if len(tensor.shape) < _MATRIX or tensor.role in _UNTOUCHED:
        return {_FULL: layers}
    category = category_of(tensor)
    found: dict[str, list[int]] = {}
    for position, layer in enumerate(layers):
        index = position if category is Category.VALUE else layer
        of = len(layers) if category is Category.VALUE else model.layers
        name = chosen_type(mixture, category, model, index, of, is_expert=tensor.role is TensorRole.EXPERT)
        found.setdefault(fallback(name, tensor.shape[-1], _BLOCKS), []).append(layer)
    return {name: tuple(numbers) for name, numbers in found.items()}


def _stored(tensor: Tensor, types: Mapping[str, tuple[int, ...]]) -> Iterable[Tensor]:
    for name, layers in types.items():
        yield replace(divide(tensor, layers), stored=block_format(name))


class _FileTypes(Struct, frozen=True):
    """What the header of a described file said: `quantization_config.types`."""

    config: Any

    def types(self, tensor: Tensor) -> dict[str, tuple[int, ...]] | None:
        """Type -> layers; None where the header said nothing of this tensor."""
        section = self.config.get(KEY) if isinstance(self.config, Mapping) else None
        named = section.get("types") if isinstance(section, Mapping) else None
        entry = named.get(gguf_name(tensor.name)) if isinstance(named, Mapping) else None
        if entry is None:
            return None
        layers = layers_of(tensor)
        if isinstance(entry, str):
            return {self._known(entry): layers}
        if not isinstance(entry, Mapping):
            raise self._malformed(entry)
        found: dict[str, tuple[int, ...]] = {}
        for name, numbers in entry.items():
            if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
                raise self._malformed(numbers)
            found[self._known(name)] = tuple(layer for layer in layers if layer in set(numbers))
        if sorted(layer for numbers in found.values() for layer in numbers) != sorted(layers):
            raise self._malformed(list(entry))
        return {name: numbers for name, numbers in found.items() if numbers}

    def _known(self, name: object) -> str:
        if not isinstance(name, str) or name not in _BLOCKS:
            raise self._malformed(name)
        return name

    def _malformed(self, value: object) -> InputError:
        message = "is neither a type of ggml nor a mapping of types to every layer"
        fix = "describe the file again"
        path = f"{CONFIG_PATH}.{KEY}.types"
        return InputError(Problem("unknown-quantization", message, path=path, value=str(value)[:80], fix=fix))
