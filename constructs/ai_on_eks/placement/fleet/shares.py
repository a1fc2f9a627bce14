"""How much of a node one replica takes, so that a scheduler is certain to find the packing that was planned.

    chain(units) = 1 | s₁ | s₂ | … | units        each divides the next; 4 → 1, 2, 4; 12 → 1, 2, 4, 12
    share        = least s of the chain with   demand of every resource ≤ s ÷ units × what a node has of it
    nodes        = ⌈Σ replicas × share ÷ units⌉

`units` is the number of accelerators a node shows (1 where it shows none). A share is a whole number of them with as
much of the processor, the memory and the pods: rounding up to the chain is what makes the last line exact. Sizes that
divide one another leave no gap when large ones are placed before small ones, wherever each one goes: as long as every
node has less than s free, every node is full, because all that lies on it is a multiple of s (Coffman, Garey and
Johnson, "Bin packing with divisible item sizes", Journal of Complexity 3, 1987).

Packing by the demands themselves would be simpler to state and worse to run: the scheduler knows no plan. It spreads
pods as they come, four small replicas end on four nodes, and the replica that needs a whole node stays pending although
the sum fits. With shares any placement works, provided that larger replicas may go first (`serving.pod` gives them the
higher priority).
"""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from ai_on_eks.units import ceil_div


class Resources(Struct, frozen=True):
    """What one replica needs on one node, or what one node has for replicas: beside DaemonSets, before any of them."""

    accelerators: int
    cpu_millicores: int
    memory_bytes: int
    pods: int = 1

    def fits(self, room: Resources) -> bool:
        """Is there as much of everything?"""
        return all(needed <= present for needed, present in self.pairs(room))

    def pairs(self, room: Resources) -> tuple[tuple[int, int], ...]:
        """(needed, present) of every resource."""
        return (
            (self.accelerators, room.accelerators),
            (self.cpu_millicores, room.cpu_millicores),
            (self.memory_bytes, room.memory_bytes),
            (self.pods, room.pods),
        )


@cache
def divisor_chain(units: int) -> tuple[int, ...]:
    """Sizes from 1 to `units`, each a divisor of the next; small factors first, as tensor parallelism goes."""
    chain, rest, factor = [1], units, 2
    while rest > 1:
        if rest % factor:
            factor += 1
            continue
        rest //= factor
        chain.append(chain[-1] * factor)
    return tuple(chain)


def share_of(demand: Resources, room: Resources, units: int) -> int | None:
    """Units of a node with `room` that one replica takes; None where a whole node is too small."""
    for share in divisor_chain(units):
        if all(needed * units <= share * present for needed, present in demand.pairs(room)):
            return share
    return None


def nodes_for(units_taken: int, units: int) -> int:
    """Nodes that hold so many units of replicas whose sizes divide one another."""
    return ceil_div(units_taken, units)
