"""What one model asks of a placement, with every default resolved: the input of all rules."""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.catalog.model import zones_by_type
from ai_on_eks.descriptors.architectures import own_precision
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Kind, Precision, Storage, WeightPrecision
from ai_on_eks.sizing.types import Load

DEFAULT_CONTEXT_TOKENS = 8192
"""Context asked for when the descriptor names none and the model allows more (Descriptor.serving.context_tokens)."""


class Requirements(Struct, frozen=True):
    """One model's demands.

    load      what memory has to hold: the longest sequence, as many as are in flight
    typical   what time is estimated for: the same with a sequence as it mostly is
    """

    descriptor: Descriptor
    inventory: Inventory
    precision: Precision
    load: Load
    typical: Load
    platform: Platform

    @property
    def least_replicas(self) -> int:
        """Replicas that must serve whatever the load."""
        serving = self.descriptor.serving
        return max(serving.minimum_replicas, serving.zones)

    @property
    def least_nodes(self) -> int:
        """Nodes, or groups of nodes, that replicas must lie on: copies that fail together are no copies."""
        serving = self.descriptor.serving
        return max(min(2, serving.minimum_replicas), serving.zones)

    @property
    def usable_zones(self) -> tuple[str, ...]:
        """Zones that replicas may stand in: a file system lies in one, and across zones it is slow and charged for."""
        return usable_zones(self.descriptor, self.platform)

    def zones(self, instance_type: str) -> tuple[str, ...]:
        """Zones that replicas may stand in and that offer the type."""
        offered = zones_by_type(self.platform.region).get(instance_type, ())
        return tuple(zone for zone in self.usable_zones if zone in offered)


def usable_zones(descriptor: Descriptor, platform: Platform) -> tuple[str, ...]:
    """Zones of the platform that the model's replicas may stand in."""
    fsx = platform.storage.fsx
    if descriptor.storage is Storage.FSX and fsx is not None:
        return (fsx.zone,)
    return platform.network.availability_zones


def resolve(descriptor: Descriptor, inventory: Inventory, platform: Platform) -> Requirements:
    """The descriptor with its defaults filled in from the model itself."""
    load = effective_load(descriptor, inventory)
    return Requirements(
        descriptor=descriptor,
        inventory=inventory,
        precision=effective_precision(descriptor),
        load=load,
        typical=_typical_load(descriptor, load),
        platform=platform,
    )


def effective_precision(descriptor: Descriptor) -> Precision:
    """The precision given; else what a quantized checkpoint's own config says, with the cache in fp8 where it brings
    scales for that; else bf16 for foundation models and fp32 for the others."""
    if descriptor.precision is not None:
        return descriptor.precision
    own = own_precision(descriptor)
    if own is not None:
        return own
    weights = WeightPrecision.BF16 if descriptor.kind is Kind.FOUNDATION else WeightPrecision.FP32
    return Precision(weights=weights)


def effective_load(descriptor: Descriptor, inventory: Inventory) -> Load:
    """The load given; the context defaults to the model's own maximum, at most 8192 tokens."""
    serving = descriptor.serving
    if inventory.item is Item.IMAGE:
        context_tokens = 1
    elif serving.context_tokens is not None:
        context_tokens = serving.context_tokens
    else:
        context_tokens = min(inventory.max_context_tokens or DEFAULT_CONTEXT_TOKENS, DEFAULT_CONTEXT_TOKENS)
    batch = serving.batch if inventory.image is None else inventory.image.batch
    return Load(context_tokens=context_tokens, concurrency=serving.concurrency, batch=batch)


def _typical_load(descriptor: Descriptor, load: Load) -> Load:
    serving = descriptor.serving
    if serving.prompt_tokens is None or load.context_tokens == 1:
        return load
    tokens = min(load.context_tokens, serving.prompt_tokens + serving.output_tokens)
    return Load(context_tokens=tokens, concurrency=load.concurrency, batch=load.batch)
