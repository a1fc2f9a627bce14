"""Whether the weights beside a config are as large as the config says: one sum against the other.

A checkpoint without its quantization config, with a data type that the config does not name, or of another model shows
itself there, before anything is planned on it.
"""

from __future__ import annotations

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.describe import Description
from ai_on_eks.descriptors.schema import Format
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.sizing.weights import checkpoint_bytes
from ai_on_eks.units import MIB, format_gib

TOLERANCE = 0.02
"""Of 12 published models whose files' size is known the farthest is 0.06 % away (DeepSeek-V4-Pro: 0.01 %). Heads that
only training needs, and tied weights that were written twice, are what the rest is for."""
HEADERS_BYTES = MIB


def with_check(description: Description) -> Description:
    """The description, with a note where the files hold something else than was described."""
    stored = description.stored_bytes
    if stored is None or description.descriptor.source.format is not Format.SAFETENSORS:
        return description
    precision = effective_precision(description.descriptor)
    served, unserved = checkpoint_bytes(build_inventory(description.descriptor), precision)
    least = (1 - TOLERANCE) * served - HEADERS_BYTES
    most = (1 + TOLERANCE) * (served + unserved) + HEADERS_BYTES
    if least <= stored <= most:
        return description
    note = (
        f"the weight files have {format_gib(stored)}, the config as {precision.weights.value} accounts for "
        f"{format_gib(served + unserved)}: check that they belong together, and the precision"
    )
    return Description(description.descriptor, (*description.notes, note), stored)
