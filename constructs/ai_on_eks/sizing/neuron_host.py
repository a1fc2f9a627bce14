"""Host memory of making, dividing and loading programs that are compiled ahead.

    tracing   = compiler processes + copies × weights of one rank       a model of a rank stands in host memory
    dividing  = copies × weights of the whole model                     as stored, and as every rank takes its part
    memory    = max(tracing, dividing)                                  one after the other

Both happen where a container starts without programs and weights that were prepared for it. A rank that holds the whole
model (TP 1) is traced with the whole model in host memory: an 8 B model then needs more than the 32 GiB of a
trn1.2xlarge, and half of it at TP 2 (aws-neuron/neuronx-distributed#53).
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.types import RankMemory, Target, Term
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import format_gib


def preparation_term(inventory: Inventory, precision: Precision, target: Target, rank: RankMemory) -> Term:
    """The peak of compiling and loading, as a line of the container's account."""
    host, sources = target.engine.host, target.engine.sources
    whole = weights_bytes(inventory, precision)
    tracing = host.compiler_bytes + ceil(host.traced_weight_copies * rank.weights_bytes)
    dividing = ceil(host.loading_weight_copies * whole)
    if tracing > dividing:
        return Term(
            name="tracing and compiling",
            value_bytes=tracing,
            formula=(
                f"{format_gib(host.compiler_bytes)} compiler + {host.traced_weight_copies:g} × "
                f"{format_gib(rank.weights_bytes)} weights of a rank"
            ),
            source=sources.get("host-compiler", ""),
        )
    return Term(
        name="dividing and loading the weights",
        value_bytes=dividing,
        formula=f"{host.loading_weight_copies:g} × {format_gib(whole)} weights",
        source=sources.get("host-loading", ""),
    )
