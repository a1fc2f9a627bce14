"""What EC2 offers and what engines need, as frozen values. The figures are in `catalog/data/`, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct, field


class Vendor(StrEnum):
    NVIDIA = "nvidia"
    NEURON = "aws-neuron"
    OTHER = "other"


class PurchaseRoute(StrEnum):
    ON_DEMAND = "on-demand"
    SPOT = "spot"
    CAPACITY_BLOCK = "capacity-block"


class Price(Struct, frozen=True):
    """Price of one Linux instance. `region` is where it was published, which may not be where it is used."""

    usd_per_hour: float
    region: str
    date: str
    source: str


class MigProfile(NamedTuple):
    """One way to cut an isolated part out of a device (NVIDIA Multi-Instance GPU).

    name             as the MIG strategy `mixed` names it: `nvidia.com/mig-<name>`
    compute_share    of the device's multiprocessors, and so of its peaks
    memory_share     of the device's memory bandwidth
    compute_slices, memory_slices  the same, counted in the device's slices
    most_per_device  parts of this kind on one device that is divided into nothing else
    memory_bytes     usable memory of the part
    """

    name: str
    compute_share: float
    memory_share: float
    compute_slices: int
    memory_slices: int
    most_per_device: int
    memory_bytes: int


class Accelerator(Struct, frozen=True):
    """One device as Kubernetes counts it.

    memory_bytes          usable memory per device: what the driver reports as total, not the brochure's figure
    bandwidth_bytes_per_second  memory bandwidth
    dense_flops           peak operations per second by data type (`fp32 fp16 bf16 fp8 int8 fp4`), without sparsity
    link_bytes_per_second one direction, device to device within a node; 0 where traffic goes over PCIe and is unknown
    link, link_source     the link's name, and where its bandwidth is published
    mig_profiles          ways to divide one device, smallest first; none where it does not divide
    compute_capability    NVIDIA's, as (major, minor); None for others
    resource_name         the extended resource its device plugin advertises
    cores                 cores with memory of their own in one device: a rank is a core there, and not a device
    cores_per_rank        cores that work as one by default (logical NeuronCore configuration)
    joined_counts         numbers of devices that one container may ask for; none = any
    generation            devices whose kernels reach alike shares of their peaks; empty where none is estimated
    link_domain           devices that the link joins where they are more than one node's (NVLink racks); 0 = the node's

    Figures that nobody publishes are 0 or empty; types with such an accelerator are never served.
    """

    name: str
    vendor: Vendor
    title: str
    memory_bytes: int
    bandwidth_bytes_per_second: float
    dense_flops: Mapping[str, float]
    link_bytes_per_second: float
    link: str
    compute_capability: tuple[int, int] | None
    resource_name: str
    source: str
    mig_profiles: tuple[MigProfile, ...] = ()
    link_source: str = ""
    cores: int = 1
    cores_per_rank: int = 1
    joined_counts: tuple[int, ...] = ()
    generation: str = ""
    link_domain: int = 0


class InstanceType(Struct, frozen=True):
    """One EC2 instance type.

    memory_bytes, vcpus                  as EC2 reports them
    allocatable_*                        what the kubelet leaves to pods on an EKS AMI (formula in `catalog.kubelet`)
    accelerator_count                    devices the device plugin will show; 0 for fractional types it hides
    accelerator_memory_bytes             usable memory per device (a fraction of the device on g6f)
    accelerator_share                    of the device, 1 = a whole one
    network_gbps, network_burst_gbps     all cards together, sustained and for as long as credits last
    pod_network_gbps                     sustained, of the default card alone: the VPC CNI attaches pods to no other
    efa_interfaces, efa_gbps             Elastic Fabric Adapters and their bandwidth together, one direction
    local_nvme_disks, local_nvme_bytes   instance store
    ebs_*_bytes_per_second               path to EBS, sustained and for 30 minutes a day
    ami_type, bottlerocket_ami_type      of a managed node group; None = EKS has no such image
    price, spot_price, capacity_block_price  of one instance by purchase route; None = not published, which is not free
    vcpu_quota_code, spot_vcpu_quota_code  quotas that a running instance counts against; None = not known
    cpu_flops_per_vcpu                   dense FP32 peak of one vCPU, for CPU serving; None where unknown
    memory_bandwidth_bytes_per_second    this type's share of its sockets' peak, for CPU serving; None where unknown

    Network, storage path, pod and allocatable figures that nobody publishes are 0; such a type is never served.
    """

    name: str
    family: str
    vcpus: int
    memory_bytes: int
    architecture: str
    accelerator: Accelerator | None
    accelerator_count: int
    accelerator_memory_bytes: int
    network_gbps: float
    network_cards: int
    efa_interfaces: int
    local_nvme_bytes: int
    max_pods: int
    allocatable_cpu_millicores: int
    allocatable_memory_bytes: int
    ami_type: str | None
    purchase_routes: tuple[PurchaseRoute, ...]
    price: Price | None
    cpu_flops_per_vcpu: float | None
    memory_bandwidth_bytes_per_second: float | None
    served: bool
    not_served_reason: str | None
    accelerator_share: float = 1.0
    network_burst_gbps: float = 0.0
    pod_network_gbps: float = 0.0
    efa_gbps: float = 0.0
    local_nvme_disks: int = 0
    ebs_baseline_bytes_per_second: float = 0.0
    ebs_burst_bytes_per_second: float = 0.0
    bottlerocket_ami_type: str | None = None
    vcpu_quota_code: str | None = None
    spot_vcpu_quota_code: str | None = None
    spot_price: Price | None = None
    capacity_block_price: Price | None = None

    @property
    def shows_accelerator(self) -> bool:
        """Whether nodes of this type advertise an extended resource that a pod can ask for."""
        return self.accelerator is not None and self.accelerator_count > 0


class BatchLimit(NamedTuple):
    """The batch an engine allows itself on an accelerator with at least this much usable memory.

    excluded_names   parts of accelerator names that get the next smaller limit (vLLM excludes the A100 by name)
    graph_sequences  largest batch of a captured decoding graph, where the default share follows from it; and from four
                     ranks on
    """

    least_memory_bytes: int
    max_batched_tokens: int
    max_sequences: int
    excluded_names: tuple[str, ...] = ()
    graph_sequences: int = 0
    graph_sequences_parallel: int = 0


class StaticShare(NamedTuple):
    """How an engine that holds weights and cache in one share of the memory, and all else beside it, chooses that share
    and divides it (SGLang). See `sizing.sglang`. The first eight are its estimate of what it leaves beside, in MiB.

    base_mib                    whatever runs
    prefill_token_mib           per token of the largest batch of prompts
    graph_sequence_mib          per sequence of the largest captured decoding graph
    rank_mib                    per rank of the replica
    prefill_graph_mib           per captured graph of prompts
    latent_prefill_graphs_mib   of all of them instead, where latents are cached
    least_mib                   at least so much on devices with more than `least_above_mib`
    window_ratio                tokens kept by layers with a window ÷ tokens kept by the others
    recurrent_ratio             memory of recurrent states ÷ memory of keys and values
    recurrent_slots             recurrent states held for one running sequence
    """

    base_mib: float
    prefill_token_mib: float
    graph_sequence_mib: float
    rank_mib: float
    prefill_graph_mib: float
    latent_prefill_graphs_mib: float
    least_mib: float
    least_above_mib: float
    window_ratio: float
    recurrent_ratio: float
    recurrent_slots: int


class ExpertKernel(NamedTuple):
    """How the kernel for MXFP4 experts that runs from a compute capability on keeps them. See `sizing.weight_layout`.

    hidden_multiple      the hidden size is padded to a multiple of it
    inner_multiple       and so is a rank's part of the experts' inner size
    scale_rows           the rows of the scales are padded to a multiple of it
    keeps_loaded_scales  the scales that were loaded stay beside those in the kernel's order
    bias_bits            of an element of a bias; 0 = as loaded
    """

    least_capability: tuple[int, int]
    hidden_multiple: int = 1
    inner_multiple: int = 1
    scale_rows: int = 1
    keeps_loaded_scales: bool = False
    bias_bits: int = 0


class EngineHost(Struct, frozen=True):
    """What an engine's container needs of its node. The defaults mean "none of it".

    server_bytes                  HTTP server, tokenizer and scheduler
    rank_bytes                    resident memory of one worker process (its CUDA libraries included)
    cpu_process_bytes             the engine itself where the model runs on CPU, weights and activations not counted
    loading_buffer_bytes          least buffer of one rank between storage and accelerator
    loading_weight_copies         whole copies of the weights in host memory while loading
    shared_memory_bytes           /dev/shm of a replica with more than one rank; and for each rank of it
    shares_results                its ranks hand results to the server through /dev/shm, one rank too
    stored_bits_per_parameter     what a checkpoint may hold of each parameter where the engine casts it when loading
    cache_bytes                   compile caches and temporary files on the node's disk
    compiler_bytes                compiler processes while programs are made on the node itself
    traced_weight_copies          copies of one rank's weights in host memory while its programs are traced
    streams_from_object_storage   reads weights from S3 into the accelerator without a copy on the node's disk
    """

    server_bytes: int = 0
    rank_bytes: int = 0
    cpu_process_bytes: int = 0
    loading_buffer_bytes: int = 0
    loading_weight_copies: float = 0.0
    shared_memory_bytes: int = 0
    shared_memory_bytes_per_rank: int = 0
    shares_results: bool = False
    stored_bits_per_parameter: int = 0
    cache_bytes: int = 0
    compiler_bytes: int = 0
    traced_weight_copies: float = 0.0
    streams_from_object_storage: bool = False


class CompiledDevice(NamedTuple):
    """What compiled programs take of one logical core, by accelerator.

    accelerators       catalogue names
    micro_code_bytes   under the programs, of all the cores that work as one
    descriptor_share   lists of transfers (DMA rings) that are kept ready, of each byte of weights
    """

    accelerators: tuple[str, ...]
    micro_code_bytes: int
    descriptor_share: float


class CompiledPrograms(NamedTuple):
    """How an engine that compiles every shape ahead spends a logical core (AWS Neuron). See `sizing.neuron`.

    devices              by accelerator
    scratch_page_bytes   the runtime allocates scratch memory in pages of this size
    scratch_value_bytes  of one intermediate value in scratch memory
    prompts_at_once      sequences of one context-encoding pass; None = the whole batch
    """

    devices: tuple[CompiledDevice, ...]
    scratch_page_bytes: int
    scratch_value_bytes: int
    prompts_at_once: int | None = None


class EngineMemory(Struct, frozen=True):
    """How an engine spends an accelerator's memory. See `sizing` for the formulae these feed.

    memory_fraction        share of usable memory the engine takes (vLLM `--gpu-memory-utilization`); 1.0 = all
    overhead_bytes         CUDA context and communication buffers that live outside torch, per rank
    overhead_bytes_parallel  the same when TP > 1 (NCCL buffers included)
    sampler_copies         float32 [sequences × vocabulary] tensors alive at the sampler's peak, and gone after it
    sampler_states         the same kept from the start for what was generated before (penalties)
    sampler_rows           at most so many rows of the vocabulary beside them, which the sampler's kernel works in
    graph_bytes            reserve for captured CUDA graphs inside the fraction, per rank
    block_tokens           granularity of the paged cache
    batch_limits           largest first
    hidden_state_copies    [batched tokens × hidden size] tensors that are alive beside the sampler's
    sampled_row_copies     [sequences × hidden size] tensors that are: the rows that are sampled
    workspace_bytes        what matrix libraries keep for themselves, inside torch's memory
    graph_bytes_per_layer  the part of the graphs' reserve that grows with the layers of a rank
    activation_slack       what the engine's allocator takes ÷ what the activations need
    attention_score_copies  [heads × context × context] tensors per sequence where attention is not fused
    fused_attention        data types whose attention is fused on the accelerator, so that no scores are kept
    batch_follows_context  the batch holds at least one whole prompt, because prompts are not computed in chunks
    chunks_above_tokens    contexts above which prompts are computed in chunks all the same; None = none are
    largest_input_tokens   tokens of the largest image where a model takes any size; 0 = encoders are not profiled
    startup_bytes          taken of the device before the engine looks for its share among what is free, per rank
    startup_bytes_parallel  the same when there are several ranks
    cache_layout           how sequences' states are laid out: a name in `sizing.cache_layout`
    batches_in_flight      forward passes whose tokens a layer with a window keeps beside the window
    recurrent_pages        pages that a sequence holds of a recurrent state: more than one where prefixes are cached
    programs               of an engine whose programs are compiled ahead for fixed shapes; None = shapes are free
    static_share           of an engine whose share holds weights and cache only; None = its share holds everything
    expert_kernels         kernels for MXFP4 experts, highest compute capability first; none = kept as they are stored
    keeps_absorbed_latents  a quantized up-projection of a latent is kept in the data type that computes as well
    latent_alignment_bytes  a cached latent takes a multiple of so many bytes. See `sizing.latents`
    latent_head_width      latents are cached expanded, keys and values of every head this wide; 0 = as they are
    encoders_on_every_stage  what stands before a decoder is loaded on every pipeline stage, not on the first alone
    free_share             its share is one of what weights and a batch leave free. See `sizing.free_share`
    sources                field → where its figure comes from, with date
    """

    memory_fraction: float
    overhead_bytes: int
    overhead_bytes_parallel: int
    sampler_copies: float
    graph_bytes: int
    block_tokens: int
    batch_limits: tuple[BatchLimit, ...]
    sampler_states: float = 0.0
    sampler_rows: int = 0
    hidden_state_copies: float = 0.0
    sampled_row_copies: int = 0
    workspace_bytes: int = 0
    graph_bytes_per_layer: int = 0
    activation_slack: float = 1.0
    attention_score_copies: float = 0.0
    fused_attention: tuple[str, ...] = ()
    batch_follows_context: bool = False
    chunks_above_tokens: int | None = None
    largest_input_tokens: int = 0
    startup_bytes: int = 0
    startup_bytes_parallel: int = 0
    cache_layout: str = "contiguous"
    batches_in_flight: int = 1
    recurrent_pages: int = 1
    programs: CompiledPrograms | None = None
    static_share: StaticShare | None = None
    expert_kernels: tuple[ExpertKernel, ...] = ()
    keeps_absorbed_latents: bool = False
    latent_alignment_bytes: int = 1
    latent_head_width: int = 0
    encoders_on_every_stage: bool = False
    free_share: bool = False
    host: EngineHost = EngineHost()
    sources: Mapping[str, str] = field(default_factory=dict)


class Engine(Struct, frozen=True):
    """A serving engine at one version: what it serves, where it runs, what it costs in memory.

    kinds, families, formats     accepted values of the descriptor's fields
    images                       image key in images.yaml by device: `cpu`, or an NVIDIA compute capability `8.6`,
                                 or `nvidia` for any, or `aws-neuron`
    withheld_images              why a published image is not used, by compute capability
    min_compute_capability       by weight data type; a missing data type is not served on NVIDIA
    cache_min_compute_capability by data type of the cache; a missing one needs nothing beyond the weights'
    deployed                     the package renders workloads for it
    undeployed                   why it does not; None = nobody has made them, or it does
    accelerators                 catalogue names of the accelerators that the engine runs on; none = any
    model_types                  of the configs it loads; none = any. A model known only by its size is taken for one
    adapted_types                those of them that it runs by their own library, inside its server
    heads                        of task-specific models: the tasks that it serves, and the model types whose heads it
                                 loads for each; none = any
    schemes                      quantization methods that it reads, by weight data type; a missing one is read in any
    chunks_latents_from          least compute capability that computes prompts in chunks where latents are cached;
                                 None = any
    pipeline_parallel            can divide layers over stages
    expert_parallel              can deal out whole experts to ranks
    spans_nodes                  ranks of one replica may lie on several nodes
    grouped                      a workload is rendered for replicas that do
    reaches_fabric               no image of it lacks the libraries for EFA
    fabric                       the build that runs where they exchange over EFA, which needs libraries in the image
    by_name                      why nothing is deployed on it unless it is asked for by name; None = like any other
    like                         engine that loads the same models; this one is looked at only where it is named
    by_name_tasks                the same of models of one task, by its tag
    decodes                      serves decoders that stand alone, token by token
    tasks                        pipeline tags of the models that it serves; none = any
    on_every_core                every core of its devices runs a copy of its own, and requests are dealt out to them
    most_items_per_s             that a replica's server passes on, however fast its devices are, by what an item is; a
                                 missing one is not known to be bounded
    superseded_by                the engine that its publisher has replaced it with; None = current
    pads                         what is padded where tensor parallelism leaves a remainder: `heads`, `widths`
    """

    name: str
    version: str
    title: str
    kinds: tuple[str, ...]
    families: tuple[str, ...]
    formats: tuple[str, ...]
    images: Mapping[str, str]
    architectures: tuple[str, ...]
    min_compute_capability: Mapping[str, tuple[int, int]]
    cpu_weights: tuple[str, ...]
    tensor_parallel: bool
    memory: EngineMemory
    source: str
    cache_min_compute_capability: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    withheld_images: Mapping[str, str] = field(default_factory=dict)
    deployed: bool = True
    undeployed: str | None = None
    accelerators: tuple[str, ...] = ()
    pads: tuple[str, ...] = ()
    model_types: tuple[str, ...] = ()
    adapted_types: tuple[str, ...] = ()
    heads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schemes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chunks_latents_from: tuple[int, int] | None = None
    pipeline_parallel: bool = False
    expert_parallel: bool = False
    spans_nodes: bool = False
    grouped: bool = False
    reaches_fabric: bool = True
    fabric: Engine | None = None
    superseded_by: str | None = None
    by_name: str | None = None
    like: str | None = None
    by_name_tasks: Mapping[str, str] = field(default_factory=dict)
    decodes: bool = True
    tasks: tuple[str, ...] = ()
    on_every_core: bool = False
    most_items_per_s: Mapping[str, float] = field(default_factory=dict)
