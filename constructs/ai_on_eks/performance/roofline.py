"""How fast a replica can be, from the peaks of its accelerators.

    prompt   = operations(prompt, one of it sampled) ÷ (TP × peak × η)          compute bound
             + exchange(prompt tokens) + launches
    step     = max((weights read + sequences × context × cache per token) of a rank ÷ (bandwidth × η),
                   sequences × operations per token ÷ (TP × peak × η))          bandwidth or compute bound
             + exchange(sequences) + launches
    exchange = layers × 2 all-reduces × (latency + 2 × (TP − 1) ÷ TP × bytes ÷ link)
    launches = layers × kernels × time of a launch

The weights read are all of a rank, or of a mixture of experts those that the sequences' tokens are routed to.

With `n` sequences always running, every one of them ends and is replaced once in its own life, and its prompt is
computed between the others' steps:

    time per output token = step + (n − 1) × prompt ÷ output tokens
    time to first token   = step + prompt + wait,   wait = prompt ÷ 2 where n > 1

Only the last token of a prompt is sampled, so the head (2 × vocabulary × hidden size operations) counts once per prompt
and not per token. The wait is the rest of the prompt that is being computed when another one comes, on average half of
it. It does not ask how often that happens: with n sequences always running, a faster decoder brings prompts more often,
and a queue that counts that would call the faster device the slower one. A burst of n prompts at once waits longer, up
to (n − 1) × prompt.

    batch of an encoder or CNN = max(operations ÷ (TP × peak × η), weights ÷ (bandwidth × η)) + exchange + launches

It ranks placements and sizes a first deployment; a measurement replaces it.
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.descriptors.inventory import Inventory, Item, TensorRole
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.peaks import peak_flops
from ai_on_eks.performance.types import Estimates
from ai_on_eks.sizing.cache import kept_bytes
from ai_on_eks.sizing.precision import compute_format
from ai_on_eks.sizing.types import Load
from ai_on_eks.sizing.weights import weights_bytes, weights_read_bytes

PROMPT_EFFICIENCY = 0.5
"""Share of the dense peak that a prompt's matrix products reach: 0.4 to 0.6 (aiconfigurator and published prefill
measurements on A100 to H200, gathered 2026-11-23)."""

BANDWIDTH_EFFICIENCY = 0.78
"""Share of the memory bandwidth that reading weights and cache reaches: 77 % (Llama-3.1-8B, A100-40, vLLM 0.23), 78 %
(Qwen3-4B, L4, vLLM 0.25), 80 % (aiconfigurator); 2026-11-23."""

ENCODER_EFFICIENCY = 0.32
"""Share of the dense peak that an encoder's batch reaches (BERT-base on Inferentia2, AWS Neuron benchmarks 2026-11-23;
published range 0.2 to 0.35)."""

CONVOLUTION_EFFICIENCY = 0.2
"""Share of the dense peak that a CNN's batch reaches (ResNet-50 on Inferentia2 19 %, AWS Neuron benchmarks 2026-11-23;
published range 0.2 to 0.35)."""

ALL_REDUCES_PER_LAYER = 2
"""After attention and after the feed-forward block (Megatron-LM, arXiv:1909.08053)."""

ALL_REDUCE_LATENCY_S = 10e-6
"""Time of an all-reduce too small to fill the link: 3 µs for each of its operations (aiconfigurator) and the launch;
10 µs is what small all-reduces take over NVLink (nccl-tests on HGX H100, 2026)."""

KERNELS_PER_LAYER = 8
"""Norm, key/value/query product, rotation and cache write, attention, output product, two products of the feed-forward
block and its activation: the operations of a decoder layer that an engine launches one after the other."""

KERNEL_S = 3e-6
"""Time that one operation adds beside its bytes and arithmetic (aiconfigurator, gathered 2026-11-23)."""

UNKNOWN_LINK_BYTES_PER_SECOND = 12e9
"""Where the catalogue names no link: through the host's memory over PCIe 3.0 ×16, one direction, as T4 nodes do it. The
slowest path there is, so the estimate errs on the slow side (PCI-SIG 3.0: 15.75 GB/s, 76 % of it usable)."""

EVIDENCE = "roofline"

NOTHING = Estimates(None, None, None, None, EVIDENCE)
"""Where a peak is unknown."""


def estimate(
    inventory: Inventory,
    precision: Precision,
    load: Load,
    machine: Machine,
    division: Division,
    *,
    engine: str,
    output_tokens: int,
    sequences: int,
) -> Estimates:
    """Estimates for one replica of `division` on `machine`, running `sequences` at once under `engine`.

    `load.context_tokens` is the longest prompt plus output of one sequence, of which `output_tokens` are written.
    Without a peak there is no estimate, only None.
    """
    flops = peak_flops(machine.dense_flops, precision)
    bandwidth = machine.bandwidth_bytes_per_second
    if flops <= 0 or bandwidth < 0:
        return NOTHING
    ranks, stages = division.tensor_parallel, division.pipeline_parallel
    times = _Times(
        inventory=inventory,
        precision=precision,
        flops_per_second=flops,
        bandwidth_bytes_per_second=bandwidth,
        link_bytes_per_second=machine.link_bytes_per_second,
        tensor_parallel=ranks,
    )
    if not inventory.states:
        return _batch(times, inventory, load, weights_bytes(inventory, precision, ranks, stages))
    if bandwidth == 0:
        return NOTHING
    prompt_tokens = max(1, load.context_tokens - output_tokens)
    mean_context = mean_context_tokens(load, output_tokens)
    prompt_s = times.compute_s(prompt_tokens, prompt_tokens / 2, PROMPT_EFFICIENCY, sampled=1)
    prompt_s += times.fixed_s(prompt_tokens)
    weights_read = weights_read_bytes(inventory, precision, sequences, ranks, stages)
    cache_read = kept_bytes(inventory, precision, ranks, stages, context_tokens=ceil(mean_context))
    read_s = times.read_s(weights_read + sequences * cache_read)
    compute_s = times.compute_s(sequences, mean_context, PROMPT_EFFICIENCY, sampled=sequences)
    step_s = max(read_s, compute_s) + times.fixed_s(sequences)
    token_s = step_s + (sequences - 1) * prompt_s / output_tokens
    wait_s = prompt_s / 2 if sequences > 1 else 0.0
    return Estimates(
        ttft_ms=1000 * (step_s + prompt_s + wait_s),
        tpot_ms=1000 * token_s,
        output_tokens_per_s=sequences / token_s,
        items_per_s=None,
        evidence=EVIDENCE,
    )


def mean_context_tokens(load: Load, output_tokens: int) -> float:
    """Tokens that a step attends to on average: the prompt and half of what is written."""
    prompt_tokens = max(1, load.context_tokens - output_tokens)
    return min(float(load.context_tokens), prompt_tokens + output_tokens / 2)


class _Times:
    """The times of one replica's accelerators. All in seconds."""

    def __init__(
        self,
        *,
        inventory: Inventory,
        precision: Precision,
        flops_per_second: float,
        bandwidth_bytes_per_second: float,
        link_bytes_per_second: float,
        tensor_parallel: int,
    ) -> None:
        self._inventory = inventory
        self._value_bytes = compute_format(precision).bytes_for(1)
        self._flops_per_second = flops_per_second * tensor_parallel
        self._bandwidth = bandwidth_bytes_per_second
        self._link = link_bytes_per_second or UNKNOWN_LINK_BYTES_PER_SECOND
        self._ranks = tensor_parallel
        self._head_operations = _head_operations(inventory)

    def compute_s(self, items: float, context_tokens: float, efficiency: float, *, sampled: float) -> float:
        """Time of the arithmetic of `items`, of which `sampled` pass the head as well."""
        operations = self._inventory.operations
        body = operations.per_item - self._head_operations + operations.attending(context_tokens)
        return (items * body + sampled * self._head_operations) / (self._flops_per_second * efficiency)

    def read_s(self, value_bytes: float) -> float:
        return value_bytes / (self._bandwidth * BANDWIDTH_EFFICIENCY) if self._bandwidth else 0.0

    def fixed_s(self, tokens: float) -> float:
        """What a pass takes beside arithmetic and memory: exchange between ranks, and launches."""
        return self._exchange_s(tokens) + self._inventory.layers * KERNELS_PER_LAYER * KERNEL_S

    def _exchange_s(self, tokens: float) -> float:
        if self._ranks == 1:
            return 0.0
        value_bytes = tokens * self._inventory.hidden_size * self._value_bytes
        transfer_s = 2 * (self._ranks - 1) / self._ranks * value_bytes / self._link
        return self._inventory.layers * ALL_REDUCES_PER_LAYER * (ALL_REDUCE_LATENCY_S + transfer_s)


def _head_operations(inventory: Inventory) -> int:
    """Operations per token of the head, of those in `Operations.per_item`; 0 where the tensors are not told apart, and
    a head cannot be either. A tied head is its embedding: both have one row per word."""
    vocabulary = inventory.activations.vocabulary
    if not vocabulary or not any(tensor.role is TensorRole.EMBEDDING for tensor in inventory.tensors):
        return 0
    return 2 * vocabulary * inventory.hidden_size


def _batch(times: _Times, inventory: Inventory, load: Load, weights_bytes_per_rank: int) -> Estimates:
    is_image = inventory.item is Item.IMAGE
    # A vision transformer works on images with the matrix products of an encoder.
    efficiency = ENCODER_EFFICIENCY if inventory.attention_heads else CONVOLUTION_EFFICIENCY
    items = load.batch if is_image else load.batch * load.context_tokens
    context = 0 if is_image else load.context_tokens
    batch_s = max(times.compute_s(items, context, efficiency, sampled=items), times.read_s(weights_bytes_per_rank))
    batch_s += times.fixed_s(items)
    return Estimates(
        ttft_ms=1000 * batch_s,
        tpot_ms=None,
        output_tokens_per_s=None,
        items_per_s=load.batch / batch_s,
        evidence=EVIDENCE,
    )
