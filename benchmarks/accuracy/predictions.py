"""What the package answers for a record: the same functions that `ai-on-eks size` calls."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.architectures import build_inventory, family_of
from ai_on_eks.descriptors.inventory import Inventory, Item, KeyValueState, RecurrentState
from ai_on_eks.descriptors.published_precision import published_precision
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Image,
    Kind,
    Precision,
    Serving,
    Source,
    WeightPrecision,
)
from ai_on_eks.errors import AiOnEksError
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from benchmarks.accuracy import runs
from benchmarks.accuracy.models import Known, Models
from benchmarks.accuracy.truth import Record

SHORT_CONTEXT_TOKENS = 2048
"""Where a record that works names no context: it shows that a model loads, not how long its sequences may be."""

VERDICTS = frozenset({"works_on", "does_not_fit", "neuron"})
"""Kinds of records that say whether a model fits, and no figure."""

WHOLE = VERDICTS | {"diffusion"}
"""Kinds of records whose model is on one device where nothing else is said."""

WHOLE_MODEL = "kv_required"
"""Kind of records of an error message that counts the cache of every layer, whatever the stage
(vllm-project/vllm#34076)."""


class Prediction(Struct, frozen=True):
    """The answer for one record; `reason` says why there is none."""

    record: Record
    inventory: Inventory | None = None
    precision: Precision | None = None
    demand: MemoryDemand | None = None
    known: Known | None = None
    target: Target | None = None
    engine: str = ""
    context_tokens: int = 0
    reason: str = ""


def predict(record: Record, models: Models) -> Prediction:
    """Sizes the record's model as the record ran it."""
    known = models.find(record.model)
    engine_name = runs.engine_name(record)
    plain = Prediction(record, known=known, engine=engine_name.partition("@")[0])
    if known is None or (known.config is None and record.kind not in VERDICTS):
        return replace(plain, reason="no config of this model is known")
    if record.kind not in WHOLE and record.number("tp") is None and record.number("n_ctx") is None:
        return replace(plain, reason="the record does not say how the model was divided")
    if "(training)" in record.text("outcome"):
        return replace(plain, reason="a training run: only serving is sized")
    try:
        inventory, precision = read_model(known, runs.weights(record), runs.image(record))
        if inventory.components and engine_name.startswith("vllm"):
            engine_name = "diffusers"  # what serves images under the same name (NIM) is another engine
            plain = replace(plain, engine=engine_name)
        if record.text("kv_dtype"):
            cache = runs.cache_precision(record.text("kv_dtype"))
            if cache is None:
                return replace(plain, reason=f"a cache of {record.text('kv_dtype')} is not sized")
            precision = precision.model_copy(update={"kv_cache": cache})
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
        return replace(plain, reason=error.problems[0].message)
    return replace(
        plain,
        inventory=inventory,
        precision=precision,
        demand=demand,
        target=target,
        context_tokens=load.context_tokens,
    )


def read_model(
    known: Known, weights: WeightPrecision | None, image: Image | None = None
) -> tuple[Inventory, Precision]:
    """A model's inventory at a data type; None = the one it was published in. `image` is asked of a diffusion model."""
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
        serving=Serving(image=image),
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
    if inventory.components:
        return "diffusion"
    if not states:
        return "encoder of text" if inventory.item is Item.TOKEN else "vision"
    if any(isinstance(state, RecurrentState) for state in states):
        return "hybrid or state-space"
    attention = [state for state in states if isinstance(state, KeyValueState)]
    if any(state.is_replicated for state in attention):
        return "latent attention"
    return "windowed attention" if any(state.window_tokens for state in attention) else "plain attention"


def _engine(record: Record, name: str) -> EngineMemory:
    """The engine's memory, without captured graphs where the run was eager."""
    memory = find_engine(name).memory
    if "enforce-eager" not in record.text("note"):
        return memory
    return replace(memory, graph_bytes=0, graph_bytes_per_layer=0)


def _target(record: Record, engine_name: str) -> Target:
    memory_bytes, accelerator = runs.device(record)
    return Target(
        device_memory_bytes=memory_bytes,
        tensor_parallel=int(record.number("tp") or 1),
        pipeline_parallel=1 if record.kind == WHOLE_MODEL else int(record.number("pp") or 1),
        engine=_engine(record, engine_name),
        memory_fraction=record.number("gpu_memory_utilization") or record.number("mem_fraction_static"),
        accelerator=accelerator,
        compute_capability=runs.compute_capability(accelerator),
    )


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
