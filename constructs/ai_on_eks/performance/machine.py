"""What a replica runs on, as far as its speed depends on it: the peaks of one rank, and what joins the ranks."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.catalog.types import InstanceType

CPU = "cpu"
"""The generation of processors."""

CPU_DATA_TYPES = ("fp32", "bf16", "fp16")
"""Data types that a processor computes in; the catalogue knows one peak of it (`InstanceType.cpu_flops_per_vcpu`)."""


class Machine(Struct, frozen=True):
    """The peaks of one rank, and the paths between ranks.

    generation                    kernels of one generation reach alike shares of its peaks (`Accelerator.generation`)
    dense_flops                   operations per second by data type, without sparsity
    bandwidth_bytes_per_second    of the rank's memory
    link_bytes_per_second         one direction, rank to rank within a node; 0 = unknown
    network_bytes_per_second      one direction, of a whole node to others; 0 = unknown
    ranks_per_node                ranks that one node holds
    link_domain_ranks             ranks that the link joins: a node's, or a rack's
    """

    generation: str
    dense_flops: Mapping[str, float]
    bandwidth_bytes_per_second: float
    link_bytes_per_second: float = 0.0
    network_bytes_per_second: float = 0.0
    ranks_per_node: int = 1
    link_domain_ranks: int = 1


class Division(Struct, frozen=True):
    """How a replica's ranks share its work.

        ranks = tensor_parallel × pipeline_parallel × data_parallel

    data_parallel     groups of ranks that each compute the attention of their own sequences, while the experts are
                      shared by all of them (attention data parallelism); 1 = all ranks work on all sequences
    expert_parallel   ranks over which whole experts are dealt out; the remaining factor of the ranks of a stage cuts
                      every expert
    nodes             that the ranks are spread over evenly
    """

    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    expert_parallel: int = 1
    data_parallel: int = 1
    nodes: int = 1

    @property
    def stage_ranks(self) -> int:
        """Ranks of one pipeline stage."""
        return self.tensor_parallel * self.data_parallel

    @property
    def ranks(self) -> int:
        return self.stage_ranks * self.pipeline_parallel


def machine_for(instance_type: InstanceType, ranks_per_accelerator: int = 1) -> Machine:
    """What EC2 gives one rank. Ranks that share an accelerator, as the cores of a Neuron device do, share its peaks.

    Between nodes the published network of the type counts, which is EFA's where the type has it.
    """
    accelerator = instance_type.accelerator
    network = instance_type.network_gbps * 1e9 / 8
    if accelerator is None:
        flops = (instance_type.cpu_flops_per_vcpu or 0.0) * instance_type.vcpus
        return Machine(
            generation=CPU,
            dense_flops=dict.fromkeys(CPU_DATA_TYPES, flops),
            bandwidth_bytes_per_second=instance_type.memory_bandwidth_bytes_per_second or 0.0,
            network_bytes_per_second=network,
        )
    share = 1 / ranks_per_accelerator
    ranks = max(1, instance_type.accelerator_count) * ranks_per_accelerator
    return Machine(
        generation=accelerator.generation,
        dense_flops={name: value * share for name, value in accelerator.dense_flops.items()},
        bandwidth_bytes_per_second=accelerator.bandwidth_bytes_per_second * share,
        link_bytes_per_second=accelerator.link_bytes_per_second,
        network_bytes_per_second=network,
        ranks_per_node=ranks,
        link_domain_ranks=max(ranks, accelerator.link_domain * ranks_per_accelerator),
    )
