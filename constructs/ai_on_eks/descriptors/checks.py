"""What has to agree between fields that are each well-formed. Every check returns all it finds."""

from __future__ import annotations

from ai_on_eks.descriptors.image_checks import check_image
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Serving,
    WeightPrecision,
)
from ai_on_eks.descriptors.schemes import SCHEMES
from ai_on_eks.errors import Problem

_FAMILIES = {
    Kind.FOUNDATION: (Family.TRANSFORMER, Family.SSM, Family.HYBRID, Family.DIFFUSION),
    Kind.EMBEDDING: (Family.TRANSFORMER, Family.CNN, Family.SSM, Family.HYBRID),
    Kind.TASK_SPECIFIC: tuple(Family),
}
_WEIGHTS = {
    Format.ONNX: (WeightPrecision.FP32, WeightPrecision.FP16, WeightPrecision.INT8),
    Format.TENSORFLOW: (WeightPrecision.FP32, WeightPrecision.FP16, WeightPrecision.BF16, WeightPrecision.INT8),
}
"""Formats that hold only some data types; the others hold all."""


def check_descriptor(descriptor: Descriptor) -> list[Problem]:
    """Contradictions that the descriptor alone shows."""
    return [
        *_architecture(descriptor.architecture),
        *_family(descriptor),
        *_precision(descriptor),
        *_targets(descriptor),
        *_load(descriptor.serving),
    ]


def check_inventory(descriptor: Descriptor, inventory: Inventory) -> list[Problem]:
    """Contradictions between what is asked and what the model is."""
    return [
        *_purpose(descriptor, inventory),
        *_context(descriptor.serving, inventory),
        *check_image(descriptor.serving, inventory),
    ]


def _architecture(architecture: Architecture) -> list[Problem]:
    if architecture.config is None and architecture.parameters is None:
        message = "says neither what the model is made of nor how large it is"
        fix = "add 'config: path/to/config.json' or 'parameters: 7000000000' under 'architecture'"
        return [Problem("architecture-incomplete", message, path="architecture", fix=fix)]
    if architecture.config is not None and architecture.parameters is not None:
        message = "'config' already says how many parameters there are"
        return [
            Problem(
                "contradiction",
                message,
                path="architecture.parameters",
                value=architecture.parameters,
                fix="remove 'parameters'",
            )
        ]
    return []


def _family(descriptor: Descriptor) -> list[Problem]:
    family, allowed = descriptor.architecture.family, _FAMILIES[descriptor.kind]
    if family in allowed:
        return []
    message = f"a {family.value} cannot be of kind '{descriptor.kind.value}'"
    kinds = tuple(kind.value for kind, families in _FAMILIES.items() if family in families)
    fix = f"write kind: {kinds[0]}"
    return [Problem("contradiction", message, path="kind", value=descriptor.kind.value, allowed=kinds, fix=fix)]


def _precision(descriptor: Descriptor) -> list[Problem]:
    precision, stored = descriptor.precision, descriptor.source.format
    if precision is None:
        if stored is Format.GGUF:
            message = "a gguf file does not say how it was quantized"
            fix = "add 'precision: {weights: int4, scheme: gguf:q4_k_m}' with the file's own scheme"
            return [Problem("scheme-required", message, path="precision", fix=fix)]
        default = WeightPrecision.BF16 if descriptor.kind is Kind.FOUNDATION else WeightPrecision.FP32
        if default in _WEIGHTS.get(stored, tuple(WeightPrecision)):
            return []
        message = f"{stored.value} cannot hold {default.value}, the default for kind '{descriptor.kind.value}'"
        names = tuple(one.value for one in _WEIGHTS[stored])
        fix = f"add 'precision: {{weights: {names[0]}}}'"
        return [Problem("precision-required", message, path="precision", allowed=names, fix=fix)]
    return [*_weights(precision, stored), *_scheme(precision, stored)]


def _weights(precision: Precision, stored: Format) -> list[Problem]:
    allowed = _WEIGHTS.get(stored, tuple(WeightPrecision))
    if precision.weights in allowed:
        return []
    names = tuple(one.value for one in allowed)
    message = f"{stored.value} files cannot hold {precision.weights.value}"
    return [
        Problem(
            "contradiction",
            message,
            path="precision.weights",
            value=precision.weights.value,
            allowed=names,
            fix=f"write one of {', '.join(names)}, as the file was exported",
        )
    ]


def _scheme(precision: Precision, stored: Format) -> list[Problem]:
    scheme = precision.scheme
    is_gguf = scheme is not None and scheme.startswith("gguf:")
    if stored is Format.GGUF and not is_gguf:
        message = "a gguf file needs the scheme it was quantized with"
        path, fix = "precision.scheme" if scheme else "precision", "write 'scheme: gguf:q4_k_m' with the file's own"
        return [Problem("scheme-required", message, path=path, value=scheme, fix=fix)]
    if is_gguf and stored is not Format.GGUF:
        message = f"'{scheme}' is a scheme of gguf files, but the source's format is {stored.value}"
        fix = "write 'format: gguf' under 'source', or remove the scheme"
        return [Problem("contradiction", message, path="precision.scheme", value=scheme, fix=fix)]
    allowed = SCHEMES.get(scheme or "", tuple(WeightPrecision))
    if precision.weights in allowed:
        return []
    names = tuple(one.value for one in allowed)
    message = f"scheme '{scheme}' stores {' or '.join(names)}, not {precision.weights.value}"
    return [
        Problem(
            "contradiction",
            message,
            path="precision.weights",
            value=precision.weights.value,
            allowed=names,
            fix=f"write {names[0]}",
        )
    ]


def _load(serving: Serving) -> list[Problem]:
    """The load is said once, and replicas have an order."""
    problems: list[Problem] = []
    if serving.requests_per_second is not None and "concurrency" in serving.model_fields_set:
        message = "'requests_per_second' already says how much is in flight: arrivals × the time that each takes"
        fix = "remove 'concurrency' or 'requests_per_second'"
        value = serving.concurrency
        problems.append(Problem("contradiction", message, path="serving.concurrency", value=value, fix=fix))
    if serving.scale_to_zero and serving.minimum_replicas > 1:
        message = "'scale_to_zero' leaves no copy without load, and 'minimum_replicas' asks for some"
        path, value, fix = "serving.minimum_replicas", serving.minimum_replicas, "remove one of the two"
        problems.append(Problem("contradiction", message, path=path, value=value, fix=fix))
    planned = max(serving.minimum_replicas, serving.zones)
    if serving.maximum_replicas is not None and serving.maximum_replicas < planned:
        message = "less than 'minimum_replicas' and 'zones' ask for"
        fix = f"write at least {planned}"
        value, allowed = serving.maximum_replicas, (f"at least {planned}",)
        path = "serving.maximum_replicas"
        problems.append(Problem("contradiction", message, path=path, value=value, allowed=allowed, fix=fix))
    return problems


def _targets(descriptor: Descriptor) -> list[Problem]:
    """Targets that the kind of model has no figure for."""
    targets = descriptor.serving.targets
    generates = descriptor.kind is Kind.FOUNDATION and descriptor.architecture.family is not Family.DIFFUSION
    wrong = ("items_per_second",) if generates else ("tpot_ms", "output_tokens_per_second")
    instead = "output_tokens_per_second" if generates else "items_per_second"
    return [
        Problem(
            "target-not-applicable",
            f"a model of kind '{descriptor.kind.value}' has no such figure",
            path=f"serving.targets.{name}",
            value=getattr(targets, name),
            fix=f"remove it, or use {instead}",
        )
        for name in wrong
        if getattr(targets, name) is not None
    ]


def _purpose(descriptor: Descriptor, inventory: Inventory) -> list[Problem]:
    """A foundation model generates: it keeps keys and values of what it has written."""
    if descriptor.kind is not Kind.FOUNDATION or inventory.states or inventory.components:
        return []
    message = f"'{inventory.architecture}' does not generate text and cannot be of kind 'foundation'"
    kinds = (Kind.EMBEDDING.value, Kind.TASK_SPECIFIC.value)
    return [
        Problem(
            "contradiction", message, path="kind", value=descriptor.kind.value, allowed=kinds, fix="write embedding"
        )
    ]


def _context(serving: Serving, inventory: Inventory) -> list[Problem]:
    asked, longest = serving.context_tokens, inventory.max_context_tokens
    path = "serving.context_tokens"
    if asked is None:
        return []
    if inventory.item is Item.IMAGE:
        message = "an image model has no context"
        return [Problem("contradiction", message, path=path, value=asked, fix="remove 'context_tokens'")]
    if longest is None or asked <= longest:
        return []
    message = f"{asked} tokens are more than the {longest} the model was built for"
    return [
        Problem("out-of-range", message, path=path, value=asked, allowed=(f"1 to {longest}",), fix=f"write {longest}")
    ]
