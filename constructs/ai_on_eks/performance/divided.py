"""A model on the ranks it is divided over: seconds that its parts would take at the very peaks of the machine.

    read_s      bytes of a rank ÷ memory bandwidth
    computed_s  operations of a rank for one token ÷ peak of their data type

All that remains for a pass is to multiply by tokens and to divide by the shares of the peaks that measurements gave.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.inventory import Inventory, Sharding
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.performance.calibration import widened
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.peaks import peak_flops
from ai_on_eks.performance.profile import CacheReads, Profile, cache_reads, profile


class Part(Struct, frozen=True):
    """Weights of one data type on a rank. `runs_in` is the data type of the product."""

    runs_in: str
    read_s: float
    computed_s: float


class Mixture(Struct, frozen=True):
    """All layers' experts on a rank that holds its even share. `computed_s` is of one token of all groups."""

    runs_in: str
    experts: int
    active: int
    read_s: float
    computed_s: float


class Divided(Struct, frozen=True):
    """See the module.

    half_flops        peak in the data type of activations of all ranks of a group; 0.0 = the device has none
    remaining_s       of one token: operations beside the products
    cache             what a step reads of a sequence
    recurrent_bytes   and of its states of constant size
    bandwidth         bytes per second, of a rank
    has_peaks         every part has a peak
    """

    inventory: Inventory
    profile: Profile
    machine: Machine
    division: Division
    parts: tuple[Part, ...]
    head: Part | None
    mixtures: tuple[Mixture, ...]
    half_flops: float
    remaining_s: float
    cache: tuple[CacheReads, ...]
    recurrent_bytes: int
    bandwidth: float
    has_peaks: bool


def divide(inventory: Inventory, precision: Precision, machine: Machine, division: Division) -> Divided:
    """The model's sums on this machine; without a bandwidth nothing is read in time."""
    model = profile(inventory, precision)
    ranks = division.tensor_parallel
    bandwidth = machine.bandwidth_bytes_per_second
    compute = widened(machine.generation, model.compute_type)
    peaks = {kind: _peak(machine, kind, model.compute_type, compute) for kind in _data_types(model)}
    half, _runs_in = peak_flops(machine.dense_flops, compute, compute)
    per_byte = 1 / bandwidth if bandwidth > 0 else 0.0

    def part(kind: str, value_bytes: float, flops: float) -> tuple[str, float, float]:
        peak, runs_in = peaks[kind]
        return runs_in, value_bytes * per_byte, flops / peak if peak else 0.0

    def shards(sharding: Sharding) -> int:
        if sharding is Sharding.REPLICATED:
            return 1
        return min(ranks, model.key_value_heads) if sharding is Sharding.KEY_VALUE else ranks

    cache, recurrent = cache_reads(inventory, precision, ranks) if inventory.states else ((), 0)
    stage = division.stage_ranks
    return Divided(
        inventory=inventory,
        profile=model,
        machine=machine,
        division=division,
        parts=tuple(
            Part(*part(one.data_type, one.value_bytes / count, one.flops_per_token / count))
            for one in model.products
            for count in (shards(one.sharding),)
        ),
        head=Part(*part(model.head.data_type, model.head.value_bytes / ranks, model.head.flops_per_token / ranks))
        if model.head is not None
        else None,
        mixtures=tuple(
            Mixture(runs_in, one.experts, one.active, read_s, computed_s)
            for one in model.experts
            for runs_in, read_s, computed_s in (
                part(one.data_type, one.value_bytes / stage, one.flops_per_token / stage),
            )
        ),
        half_flops=half * ranks,
        remaining_s=model.remaining_flops / (half * ranks) if half else 0.0,
        cache=cache,
        recurrent_bytes=recurrent,
        bandwidth=bandwidth,
        has_peaks=half > 0 and all(peak > 0 for peak, _runs_in in peaks.values()),
    )


def _data_types(model: Profile) -> frozenset[str]:
    heads = () if model.head is None else (model.head.data_type,)
    return frozenset((*(one.data_type for one in model.products), *(one.data_type for one in model.experts), *heads))


def _peak(machine: Machine, data_type: str, compute_type: str, runs_in: str) -> tuple[float, str]:
    return peak_flops(machine.dense_flops, runs_in if data_type == compute_type else data_type, runs_in)
