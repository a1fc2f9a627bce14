"""What one accelerator holds while a model is trained.

    states       = weights + gradients + optimizer                     bytes a parameter below
    gathered     = 2 × the largest layer + embeddings and head         where states are divided over ranks
    activations  = layers kept × tokens × bytes a token-layer          one layer, and every layer's input, with
                                                                       activation checkpointing; all layers without
    logits       = tokens × vocabulary × 10 B                          bf16, its fp32 copy and that one's gradient
    overhead     = device context, communication

    bytes a token-layer = 2 × (Σ outputs of its matrices + what the activation function makes of the widest ones
                          + the attention's output + 2 norms)
                          + 8 × hidden where the feed-forward block has a gate: such models come with RMSNorm, whose
                            implementations keep 32-bit copies, and the others with LayerNorm, which keeps none

A parameter that is trained takes 16 B: weight and gradient in 16 bit, Adam's copy, mean and variance in 32 (ZeRO,
arXiv:1910.02054, 3.1). One that is frozen takes its own format. Full training and LoRA divide all of it over the ranks
(ZeRO's stage 3, PyTorch's fully sharded data parallel); QLoRA keeps a whole model of 4 bits on each.

The attention's scores are not kept (FlashAttention, arXiv:2205.14135). Beside measured peaks: `tests/sizing`.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from ai_on_eks.descriptors.fine_tune import AdapterTargets, FineTuneJob, TuningMethod
from ai_on_eks.descriptors.inventory import Inventory, Tensor, TensorRole
from ai_on_eks.sizing.types import Term
from ai_on_eks.units import GIB, MIB, ceil_div

TRAINED_BYTES = 16
HALF_BYTES = 2
RESULT_BYTES = 4
"""A trained parameter of the result, which is written in 32 bit."""
QUANTIZED_BITS = 4 + 8 / 64 + 32 / (64 * 256)
"""NF4 with a constant of 8 bits for 64 weights and one of 32 for 256 constants (QLoRA, arXiv:2305.14314, 3)."""

LOGIT_BYTES = 10
QUANTIZED_EXTRA_BYTES = 14
"""A token-layer and hidden value more where weights are in 4 bits: what their kernels keep. Fitted to the table of
`tests/sizing` (12 to 19 there); nobody publishes a formula."""

ADAM_SOURCE = "ZeRO, arXiv:1910.02054, section 3.1"
QLORA_SOURCE = "QLoRA, arXiv:2305.14314, section 3"
ACTIVATION_SOURCE = "values that the backward pass needs, as arXiv:2205.05198, section 4.1 counts them"
SHARDING_SOURCE = "PyTorch FSDP, arXiv:2304.11277: the layer at work and the next one are whole"

CONTEXT_BYTES = 640 * MIB
PARALLEL_CONTEXT_BYTES = 1536 * MIB
"""Assumption: the CUDA context and cuBLAS of one rank; with NCCL's buffers where there are several."""
USABLE_SHARE = 0.95
"""Assumption: what the caching allocator cannot use for want of whole pieces, 5 %."""

MATRIX_ROLES = frozenset({TensorRole.ATTENTION, TensorRole.FEED_FORWARD, TensorRole.EXPERT, TensorRole.ROUTER})
WIDENING_ROLES = frozenset({TensorRole.FEED_FORWARD, TensorRole.EXPERT})

QUERY_VALUE_NAMES = ("q_proj", "v_proj")

HOST_BASE_BYTES = 12 * GIB
"""Assumption: Python, PyTorch and its libraries, with the workers that read data."""
HOST_RANK_BYTES = 4 * GIB
"""Assumption: process of one more rank, with pinned buffers."""
SHARED_MEMORY_RANK_BYTES = 2 * GIB
"""Assumption: batches and NCCL's segments in /dev/shm, of one rank."""
DISK_BASE_BYTES = 20 * GIB
"""Assumption: prepared data, logs and Python's own files."""
KEPT_CHECKPOINTS = 2


class TrainingMemory(Struct, frozen=True):
    """Bytes of one rank, and of one node beside its devices.

    trained_parameters  of the whole model
    terms               of one rank; their sum has to stay within the budget
    disk_bytes          of a node: the model's files and its part of the checkpoints
    """

    trained_parameters: int
    terms: tuple[Term, ...]
    host_bytes: int
    shared_memory_bytes: int
    disk_bytes: int

    @property
    def rank_bytes(self) -> int:
        return sum(term.value_bytes for term in self.terms)


def budget_bytes(device_memory_bytes: int) -> int:
    """What a rank may hold."""
    return int(device_memory_bytes * USABLE_SHARE)


def training_memory(inventory: Inventory, job: FineTuneJob, ranks: int, nodes: int) -> TrainingMemory:
    """The account of a job on so many ranks, spread evenly over the nodes."""
    trained = trained_parameters(inventory, job)
    terms = (*_states(inventory, job, ranks, trained), *_activations(inventory, job), _overhead(ranks))
    stored = HALF_BYTES * inventory.parameters
    saved = TRAINED_BYTES * trained
    return TrainingMemory(
        trained_parameters=trained,
        terms=terms,
        # One rank of each node reads the files; the first writes the result whole, in 32 bit.
        host_bytes=HOST_BASE_BYTES
        + ranks // nodes * (HOST_RANK_BYTES + SHARED_MEMORY_RANK_BYTES)
        + max(stored, RESULT_BYTES * trained),
        shared_memory_bytes=ranks // nodes * SHARED_MEMORY_RANK_BYTES,
        disk_bytes=DISK_BASE_BYTES + stored + KEPT_CHECKPOINTS * ceil_div(saved, nodes) + RESULT_BYTES * trained,
    )


def kept_bytes(inventory: Inventory, job: FineTuneJob) -> int:
    """What a job keeps of what it learnt at most: two checkpoints, one of them being written, and the result."""
    trained = trained_parameters(inventory, job)
    return KEPT_CHECKPOINTS * TRAINED_BYTES * trained + RESULT_BYTES * trained


def trained_parameters(inventory: Inventory, job: FineTuneJob) -> int:
    """Every one, or those of the adapters: rank × (inputs + outputs) of each matrix that has one."""
    if job.method is TuningMethod.FULL:
        return inventory.parameters
    rank = job.adapter.rank
    return sum(tensor.count * rank * sum(tensor.shape) for tensor in adapted(inventory, job.adapter.targets))


def adapted(inventory: Inventory, targets: AdapterTargets) -> Iterator[Tensor]:
    """Matrices of the layers that get an adapter; experts and their router are none of them."""
    for tensor in _matrices(inventory):
        if tensor.role is TensorRole.ATTENTION:
            is_wanted = targets is not AdapterTargets.QUERY_VALUE or any(
                name in tensor.name for name in QUERY_VALUE_NAMES
            )
        else:
            is_wanted = targets is AdapterTargets.ALL_LINEAR and tensor.role is TensorRole.FEED_FORWARD
        if is_wanted:
            yield tensor


def token_layer_bytes(inventory: Inventory) -> int:
    """What one layer keeps of one token for the backward pass, without the attention's scores."""
    hidden, outputs, activated, attention = inventory.hidden_size, 0.0, 0.0, 0
    widening = 0
    for tensor in _matrices(inventory):
        each = (tensor.count if tensor.active_count is None else tensor.active_count) / max(1, inventory.layers)
        width, depth = tensor.shape[0], tensor.shape[1]
        outputs += each * width
        if tensor.role in WIDENING_ROLES and depth == hidden:
            activated += each * width
            widening += 1
        if tensor.role is TensorRole.ATTENTION:
            attention = max(attention, width)
    copies = 8 * hidden if widening > 1 else 0
    return int(HALF_BYTES * (outputs + activated + attention + 2 * hidden)) + copies


def _matrices(inventory: Inventory) -> Iterator[Tensor]:
    """Of the layers, in PyTorch's order: outputs × inputs."""
    return (one for one in inventory.tensors if one.role in MATRIX_ROLES and len(one.shape) == 2 and "*" in one.name)


def _states(inventory: Inventory, job: FineTuneJob, ranks: int, trained: int) -> Iterator[Term]:
    parameters = inventory.parameters
    if job.method is TuningMethod.FULL:
        yield _divided("weights, gradients, optimizer", trained, TRAINED_BYTES, ranks, ADAM_SOURCE)
    elif job.method is TuningMethod.LORA:
        yield _divided("frozen weights", parameters, HALF_BYTES, ranks, "16 bit, as published")
        yield _divided("adapters, gradients, optimizer", trained, TRAINED_BYTES, ranks, ADAM_SOURCE)
    else:
        quantized = sum(tensor.parameters for tensor in inventory.tensors if tensor.quantizable)
        value = int(quantized * QUANTIZED_BITS / 8) + HALF_BYTES * (parameters - quantized)
        formula = f"{quantized:,} × {QUANTIZED_BITS:.3f} bit + {parameters - quantized:,} × 16 bit, on every rank"
        yield Term("frozen weights", value, formula, QLORA_SOURCE)
        yield _divided("adapters, gradients, optimizer", trained, TRAINED_BYTES, 1, ADAM_SOURCE)
    if ranks > 1 and job.method is not TuningMethod.QLORA:
        layer, rest = _largest_layer(inventory)
        value = HALF_BYTES * (2 * layer + rest)
        yield Term("gathered weights", value, f"(2 × {layer:,} + {rest:,}) × 2 B", SHARDING_SOURCE)


def _divided(name: str, parameters: int, each_bytes: int, ranks: int, source: str) -> Term:
    over = "" if ranks == 1 else f" ÷ {ranks} ranks"
    return Term(name, ceil_div(parameters * each_bytes, ranks), f"{parameters:,} × {each_bytes} B{over}", source)


def _largest_layer(inventory: Inventory) -> tuple[int, int]:
    """Parameters of a layer, all its experts included, and of what is in none."""
    layered = sum(tensor.parameters for tensor in inventory.tensors if "*" in tensor.name)
    return ceil_div(layered, max(1, inventory.layers)), inventory.parameters - layered


def _activations(inventory: Inventory, job: FineTuneJob) -> Iterator[Term]:
    training, layers = job.training, inventory.layers
    tokens = training.micro_batch * training.sequence_tokens
    each = token_layer_bytes(inventory)
    if job.method is TuningMethod.QLORA:
        each += QUANTIZED_EXTRA_BYTES * inventory.hidden_size
    if training.activation_checkpointing:
        inputs = HALF_BYTES * inventory.hidden_size
        value = tokens * (each + layers * inputs)
        formula = f"{tokens:,} tokens × ({each:,} B of one layer + {layers} × {inputs:,} B of every layer's input)"
    else:
        value = tokens * layers * each
        formula = f"{tokens:,} tokens × {layers} layers × {each:,} B"
    yield Term("activations", value, formula, ACTIVATION_SOURCE)
    vocabulary = inventory.activations.vocabulary
    formula = f"{tokens:,} tokens × {vocabulary:,} × {LOGIT_BYTES} B"
    yield Term("logits", tokens * vocabulary * LOGIT_BYTES, formula, "bf16, a copy in fp32 and its gradient")


def _overhead(ranks: int) -> Term:
    value = CONTEXT_BYTES if ranks == 1 else PARALLEL_CONTEXT_BYTES
    formula = "of the only rank" if ranks == 1 else f"of one of {ranks} ranks"
    return Term("device context and communication", value, formula, "assumption, 2026-11-29")
