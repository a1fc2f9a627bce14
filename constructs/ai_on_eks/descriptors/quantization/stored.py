"""The formats of a descriptor's tensors: from the file's scheme, or from the checkpoint's own quantization config.

What counts, in this order:

    1. `precision.scheme` of a GGUF file, and what the file's header said when it was described
    2. `precision`, where its weights are not what the checkpoint publishes: then the engine converts them while loading
    3. the checkpoint's own quantization config, tensor by tensor

A scheme that contradicts the checkpoint is a problem: nothing can read AWQ from a GPTQ file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.quantization.methods import find_section, method_of, read_quantization
from ai_on_eks.descriptors.quantization.scheme import Quantization, dominant, quantize
from ai_on_eks.descriptors.quantization.settings import unknown
from ai_on_eks.descriptors.schema import Descriptor, Format, Precision
from ai_on_eks.errors import InputError, Problem

_CHECKPOINTS = (Format.SAFETENSORS, Format.PYTORCH)
"""Formats that a config's quantization describes; an export was quantized, or not, after the config was written."""


def as_stored(descriptor: Descriptor, inventory: Inventory) -> Inventory:
    """The inventory in the formats that its weights are stored in, as far as more than a data type is known of them."""
    if descriptor.source.format is Format.GGUF:
        from ai_on_eks.descriptors.quantization.gguf import as_in_file  # noqa: PLC0415 - only for GGUF files

        return as_in_file(descriptor, inventory)
    config = descriptor.architecture.config
    section = find_section(config) if isinstance(config, dict) else None
    if section is None or not isinstance(config, dict) or descriptor.source.format not in _CHECKPOINTS:
        return inventory
    precision = descriptor.precision
    if precision is None:
        return _published(config, inventory)[0]
    try:
        published, own = _published(config, inventory)
    except InputError:
        return inventory  # not readable, and written by hand as the refusal advises
    _check_scheme(precision, method_of(section))
    if own.weights is precision.weights:
        return published
    if precision.scheme is not None:
        raise InputError(_contradiction("weights", precision.weights.value, own.weights.value))
    return inventory


def own_precision(config: dict[str, Any], inventory: Callable[[], Inventory], stored: Format) -> Precision | None:
    """What the checkpoint itself says; None where its config names no quantization of its weights.

    The inventory is asked for only where the most common of several data types has to be found.
    """
    quantization = read_quantization(config) if stored in _CHECKPOINTS else None
    return None if quantization is None else _precision(quantization, inventory)


def _precision(quantization: Quantization, inventory: Callable[[], Inventory]) -> Precision:
    try:
        weights = quantization.weights or dominant(inventory(), quantization)
    except ValueError as error:
        raise unknown(quantization.method, reason=str(error)) from None
    if weights is None:
        raise unknown(quantization.method, reason="it names no matrix of this model")
    return Precision(weights=weights, scheme=quantization.method, kv_cache=quantization.kv_cache)


def _published(config: dict[str, Any], inventory: Inventory) -> tuple[Inventory, Precision]:
    quantization = read_quantization(config)
    if quantization is None:
        raise ValueError("config without a quantization")
    try:
        return quantize(inventory, quantization), _precision(quantization, lambda: inventory)
    except ValueError as error:
        raise unknown(quantization.method, reason=str(error)) from None


def _check_scheme(precision: Precision, method: str) -> None:
    if precision.scheme is not None and precision.scheme != method:
        raise InputError(_contradiction("scheme", precision.scheme, method))


def _contradiction(key: str, value: str, own: str) -> Problem:
    message = f"the checkpoint's own config says '{own}'"
    fix = f"write {own}, or leave 'precision' out"
    return Problem("contradiction", message, path=f"precision.{key}", value=value, allowed=(own,), fix=fix)
