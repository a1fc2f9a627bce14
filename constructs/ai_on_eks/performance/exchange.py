"""What ranks say to each other in a pass, and how long it takes.

    all-reduce = exchange_s + 2 × (R − 1) ÷ R × bytes ÷ (link × share)          ring, within a domain of one link
               + network_s + 2 × (M − 1) ÷ M × bytes ÷ network                  between M nodes, of their partial sums
    all-to-all = all_to_all_s + (R − 1) ÷ R × tokens × hidden size × k' ÷ link  k' = copies of a token that are sent

Two all-reduces per layer, after attention and after the feed-forward block (Megatron-LM, arXiv:1909.08053). With
attention data parallelism the second one is an exchange of tokens between the groups: each token goes to the experts
that it is routed to, in 8 bit, and comes back in 16 (DeepSeek-V3 technical report, arXiv:2412.19437, section 3.2).
"""

from __future__ import annotations

from ai_on_eks.performance.calibration import Constants
from ai_on_eks.performance.divided import Divided
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.units import ceil_div

UNKNOWN_LINK_BYTES_PER_SECOND = 12e9
"""Where the catalogue names no link: through the host's memory over PCIe 3.0 ×16, one direction, as T4 nodes do it. The
slowest path there is, so the estimate errs on the slow side (PCI-SIG 3.0: 15.75 GB/s, 76 % of it usable)."""

UNKNOWN_NETWORK_BYTES_PER_SECOND = 1.25e9
"""Where no network is published: 10 Gbit/s, the least that accelerated nodes with several devices have."""

NETWORK_SHARE = 0.8
"""Of the published network that collectives reach between nodes. Assumption, near what S3 reads reach of it (83 % on
g6e.4xlarge, EKS user guide, 2026-11): no measurement of all-reduces over EFA is at hand."""

NETWORK_S = 40e-6
"""Of an exchange between nodes that carries nothing. Assumption: two messages of about 16 µs, the latency that AWS
publishes for EFA, and their launches."""

EXCHANGED_COPIES = 4
"""Copies of a token's values that all-to-all sends, of those it is routed to (arXiv:2412.19437: at most 4 nodes)."""


def exchange_s(of: Divided, constants: Constants, tokens: float) -> float:
    """All exchanges of a pass of `tokens` of each attention group through all layers, launches left to the engine."""
    division, machine = of.division, of.machine
    ranks = division.stage_ranks
    if ranks == 1:
        return 0.0
    value_bytes = tokens * of.profile.hidden_size * of.profile.value_bytes
    seconds = _reduces(of) * _all_reduce_s(machine, division, constants, value_bytes)
    exchanging = _exchanging(of)
    if exchanging:
        sent = (ranks - 1) / ranks * value_bytes * min(EXCHANGED_COPIES, ranks)
        path = _link(machine) * constants.link
        if _nodes(machine, division) > 1:
            path = min(path, _network(machine) / machine.ranks_per_node)
        seconds += exchanging * sent / path
    return seconds


def exchange_launches_s(of: Divided, constants: Constants) -> float:
    """The part of a pass's exchanges that no bandwidth shortens."""
    if of.division.stage_ranks == 1:
        return 0.0
    each = constants.exchange_s + (NETWORK_S if _nodes(of.machine, of.division) > 1 else 0.0)
    return _reduces(of) * each + _exchanging(of) * 2 * constants.all_to_all_s


def hops_s(of: Divided, constants: Constants, tokens: float) -> float:
    """Handing the tokens of a pass from pipeline stage to pipeline stage."""
    hops = of.division.pipeline_parallel - 1
    if not hops:
        return 0.0
    value_bytes = tokens * of.profile.hidden_size * of.profile.value_bytes
    between_nodes = min(hops, of.division.nodes - 1)
    within = (hops - between_nodes) * (constants.exchange_s + value_bytes / (_link(of.machine) * constants.link))
    return within + between_nodes * (NETWORK_S + value_bytes / _network(of.machine))


def _exchanging(of: Divided) -> int:
    """Layers whose experts are shared between attention groups."""
    return of.profile.expert_layers if of.division.data_parallel > 1 else 0


def _reduces(of: Divided) -> int:
    """All-reduces of a pass; of the layers that exchange tokens, attention alone is reduced, within a group."""
    return 2 * of.profile.layers - _exchanging(of) if of.division.tensor_parallel > 1 else 0


def _all_reduce_s(machine: Machine, division: Division, constants: Constants, value_bytes: float) -> float:
    nodes = _nodes(machine, division)
    ranks = max(1, division.tensor_parallel // nodes)
    seconds = 2 * (ranks - 1) / ranks * value_bytes / (_link(machine) * constants.link)
    if nodes > 1:
        seconds += 2 * (nodes - 1) / nodes * value_bytes / _network(machine)
    return seconds


def _nodes(machine: Machine, division: Division) -> int:
    """Domains of one link that a pipeline stage is spread over."""
    if division.nodes == 1:
        return 1
    in_node = max(1, division.ranks // division.nodes)
    return ceil_div(division.stage_ranks, max(in_node, machine.link_domain_ranks))


def _link(machine: Machine) -> float:
    return machine.link_bytes_per_second or UNKNOWN_LINK_BYTES_PER_SECOND


def _network(machine: Machine) -> float:
    return (machine.network_bytes_per_second or UNKNOWN_NETWORK_BYTES_PER_SECOND) * NETWORK_SHARE
