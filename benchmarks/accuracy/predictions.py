"""What the package answers for a record: the same functions that `ai-on-eks size` calls."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.architectures import build_inventory, family_of
from ai_on_eks.descriptors.inventory import Inventory, Item, KeyValueState, RecurrentState
from ai_on_eks.descriptors.published_precision import published_precision
from ai_on_eks.descriptors.schema import (
    Architecture,
    CachePrecision,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Source,
    WeightPrecision,
)
from ai_on_eks.errors import AiOnEksError
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import GIB
from benchmarks.accuracy.models import Known, Models
from benchmarks.accuracy.truth import Record

REGION = "us-east-1"
SHORT_CONTEXT_TOKENS = 2048
"""Where a record that works names no context: it shows that a model loads, not how long its sequences may be."""

VERDICTS = frozenset({"works_on", "does_not_fit", "neuron"})
"""Kinds of records that say whether a model fits, and no figure."""

WHOLE_MODEL = "kv_required"
"""Kind of records of an error message that counts the cache of every layer, whatever the stage
(vllm-project/vllm#34076)."""

UNKNOWN_DEVICE_GB = 80

_PRECISIONS = (
    ("nvfp4", WeightPrecision.NVFP4),
    ("mxfp4", WeightPrecision.MXFP4),
    ("int4", WeightPrecision.INT4),
    ("awq", WeightPrecision.INT4),
    ("gptq", WeightPrecision.INT4),
    ("autoround", WeightPrecision.INT4),
    ("int8", WeightPrecision.INT8),
    ("fp8", WeightPrecision.FP8),
    ("fp32", WeightPrecision.FP32),
    ("bf16", WeightPrecision.BF16),
    ("fp16", WeightPrecision.FP16),
)
"""Word in a record's `quant` (or, where it has none, in its model's name) -> data type; the first that is found counts,
so that of `FP32, BF16` the larger does."""

_ENGINES = (
    ("transformers neuronx", "transformers-neuronx"),
    ("neuronx distributed", "nxd-inference"),
    ("ray-vllm-neuron", "nxd-inference"),
    ("vllm-neuron", "nxd-inference"),
    ("pytorch", "torch-neuronx"),
    ("aphrodite", "aphrodite"),
    ("sglang", "sglang"),
    ("llama.cpp", "llama-cpp"),
    ("diffusers", "diffusers"),
    ("nim", "vllm"),
    ("vllm", "vllm"),
)
"""Word in a record's `framework` -> engine of the catalogue; the first that is found counts."""


@dataclass(frozen=True)
class Prediction:
    """The answer for one record; `reason` says why there is none."""

    record: Record
    inventory: Inventory | None = None
    precision: Precision | None = None
    demand: MemoryDemand | None = None
    known: Known | None = None
    target: Target | None = None
    context_tokens: int = 0
    reason: str = ""


def predict(record: Record, models: Models) -> Prediction:
    """Sizes the record's model as the record ran it."""
    known = models.find(record.model)
    if known is None or (known.config is None and record.kind not in VERDICTS):
        return Prediction(record, reason="no config of this model is known")
    if record.kind not in VERDICTS and record.number("tp") is None and record.number("n_ctx") is None:
        return Prediction(record, known=known, reason="the record does not say how the model was divided")
    if "(training)" in record.text("outcome"):
        return Prediction(record, known=known, reason="a training run: only serving is sized")
    try:
        inventory, precision = read_model(known, _weights(record))
        engine_name = _engine_name(record)
        if record.text("kv_dtype"):
            precision = precision.model_copy(update={"kv_cache": _cache_precision(record.text("kv_dtype"))})
        load, target = _load(record, inventory), _target(record, engine_name)
        sequences, tokens = record.number("max_num_seqs"), record.number("max_num_batched_tokens")
        demand = size_model(
            inventory,
            precision,
            load,
            target,
            max_sequences=None if sequences is None else int(sequences),
            max_batched_tokens=None if tokens is None else int(tokens),
        )
    except AiOnEksError as error:
        return Prediction(record, known=known, reason=error.problems[0].message)
    return Prediction(record, inventory, precision, demand, known, target, load.context_tokens)


def read_model(known: Known, weights: WeightPrecision | None) -> tuple[Inventory, Precision]:
    """A model's inventory at a data type; None = the one it was published in."""
    published = None if known.config is None else published_precision(known.config, "config.json")
    precision = None
    if weights is not None and (published is None or published.weights is not weights):
        precision = Precision(weights=weights)
    elif published is not None:
        precision = published
    descriptor = Descriptor(
        name="record",
        kind=Kind(known.kind),
        source=Source(uri="hf://organisation/model", format=Format.SAFETENSORS),
        architecture=_architecture(known),
        precision=precision,
    )
    inventory = build_inventory(descriptor)
    return inventory, effective_precision(descriptor)


def _architecture(known: Known) -> Architecture:
    if known.config is None:
        return Architecture(family=Family(known.family), parameters=known.parameters)
    return Architecture(family=family_of(known.config), config=dict(known.config))


def family(inventory: Inventory) -> str:
    """The group a model is reported in, by what it keeps of a sequence."""
    states = inventory.states
    if not states:
        return "no cache"
    if any(isinstance(state, RecurrentState) for state in states):
        return "hybrid or state-space"
    attention = [state for state in states if isinstance(state, KeyValueState)]
    if any(state.is_replicated for state in attention):
        return "latent attention"
    return "windowed attention" if any(state.window_tokens for state in attention) else "plain attention"


@lru_cache(maxsize=1)
def _catalog() -> Catalog:
    return load_catalog(REGION)


def _weights(record: Record) -> WeightPrecision | None:
    for text in (record.text("quant").partition("(")[0], record.model):
        found = next((value for word, value in _PRECISIONS if word in text.lower()), None)
        if found is not None:
            return found
    return None


def _cache_precision(name: str) -> CachePrecision:
    if "fp8" in name:
        return CachePrecision.FP8
    return CachePrecision.FP16 if name == "f16" else CachePrecision(name)


def _engine_name(record: Record) -> str:
    """The engine, with its version where the record names one."""
    framework = record.text("framework").lower() or "vllm"
    name = next((engine for word, engine in _ENGINES if word in framework), "vllm")
    if name == "vllm" and (record.kind == "neuron" or record.text("neuron_sdk")):
        name = "transformers-neuronx" if "transformers-neuronx" in record.text("source") else "nxd-inference"
    version = re.search(r"(?:vllm|sglang)\s+v?(\d+\.\d+(?:\.\d+)?)", framework)
    if name == "vllm" and version is not None:
        return f"vllm@{version[1]}"
    if name == "vllm" and re.search(r"\bv0\b", framework):
        return "vllm@0.6"
    return "vllm@0.11" if name == "vllm" and re.search(r"\bv1\b", framework) else name


def _engine(record: Record, name: str) -> EngineMemory:
    """The engine's memory, without captured graphs where the run was eager."""
    memory = find_engine(name).memory
    if "enforce-eager" not in record.text("note"):
        return memory
    return replace(memory, graph_bytes=0, graph_bytes_per_layer=0)


def _target(record: Record, engine_name: str) -> Target:
    memory_bytes, accelerator = _device(record)
    return Target(
        device_memory_bytes=memory_bytes,
        tensor_parallel=int(record.number("tp") or 1),
        pipeline_parallel=1 if record.kind == WHOLE_MODEL else int(record.number("pp") or 1),
        engine=_engine(record, engine_name),
        memory_fraction=record.number("gpu_memory_utilization") or record.number("mem_fraction_static"),
        accelerator=accelerator,
        compute_capability=_catalog().accelerators[accelerator].compute_capability if accelerator else None,
    )


def _device(record: Record) -> tuple[int, str | None]:
    """Usable bytes of one rank's device, and its name in the catalogue.

    Where a record names no device, only figures that do not depend on it can be scored; an 80 GB one stands in.
    """
    catalog = _catalog()
    total = record.number("gpu_total_gib")
    text = f"{record.text('gpu')} {record.text('instance')} {record.text('instance_family')}".lower()
    wanted = re.sub(r"[\s_-]", "", text)
    types = catalog.instance_types.values()
    instance = next((one for one in types if one.name in re.split(r"[\s/,]+", text)), None)
    family_name = record.text("instance_family").partition(" ")[0]
    shape = instance or next((one for one in types if one.family == family_name), None)
    if shape is not None and shape.accelerator is not None:
        memory, name = shape.accelerator_memory_bytes, shape.accelerator.name
        cores = int(record.number("lnc") or shape.accelerator.cores_per_rank)
        return memory * cores // shape.accelerator.cores, name
    longest_first = sorted(catalog.accelerators, key=len, reverse=True)
    carried = next((known for known in longest_first if known.replace("-", "") in wanted), None)
    if carried is None and "a100" in wanted:
        carried = "a100-80gb" if "80gb" in wanted else "a100-40gb"
    if total is not None:
        return int(total * GIB), carried
    if carried is not None:
        return catalog.accelerators[carried].memory_bytes, carried
    nominal = re.search(r"(\d+)\s*gb\b", text)
    return (int(nominal[1]) if nominal else UNKNOWN_DEVICE_GB) * 10**9, None


def _load(record: Record, inventory: Inventory) -> Load:
    if inventory.item is Item.IMAGE:
        return Load(context_tokens=1, concurrency=1, batch=int(record.number("batch") or 1))
    context = record.number("max_model_len")
    failed_for_cache = record.kind == "does_not_fit" and record.number("kv_cache_gib_per_gpu") is not None
    if context is None and record.kind in VERDICTS and not failed_for_cache:
        context = min(SHORT_CONTEXT_TOKENS, inventory.max_context_tokens or SHORT_CONTEXT_TOKENS)
    if context is None:  # as the engine does: the model's own maximum
        context = inventory.max_context_tokens or SHORT_CONTEXT_TOKENS
    batch = int(record.number("batch") or 1)
    return Load(context_tokens=int(context), concurrency=batch if inventory.states else 1, batch=batch)
