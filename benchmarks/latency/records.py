"""Measured latencies as questions to the package: model, machine, division and load of each row.

How rows of `latency_nvidia.csv` are read, where their columns leave a choice:

- Ranks are those that the row's id names (`tp8_ep8`: 8). In some rows `tp_size` or `attention_dp_size` is the product
  of both, 64 for the same run whose id says 8, with the same measured figures as a row that says 8.
- `batch_size` counts the sequences of one attention group; where `attention_dp_size` is left out, the id's `c…` gives
  the sequences of all, and their ratio the number of groups.
- Wider than the attention heads can be divided (72 of a GB200 rack), attention is data parallel and the experts are
  dealt out over all ranks: no engine divides 128 heads by 72.
- TensorRT-LLM keeps its cache in FP8 with quantized weights, as its published benchmark settings do.
- How the engines take up requests is not in the rows but in the scripts that the runs were made with (`settings`).
- What the cache does not hold waits; the share of memory is 0.9, and 0.97 where a model that ran would not fit.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import Accelerator
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import CachePrecision, Precision, WeightPrecision
from ai_on_eks.performance.admission import AT_ONCE, Admission
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.profile import cache_reads, profile
from ai_on_eks.sizing.types import Load
from ai_on_eks.units import GIB
from benchmarks.accuracy.models import Known, Models
from benchmarks.accuracy.predictions import read_model
from benchmarks.latency.settings import Run, admission_of

SYSTEMS: Mapping[str, str] = {
    "h100_sxm": "h100",
    "h200_sxm": "h200",
    "b200_sxm": "b200",
    "b300_sxm": "b300",
    "gb200": "gb200",
}
ENGINE_NAMES: Mapping[str, str] = {"trtllm": "tensorrt-llm"}
"""The catalogue's name of a backend, where that is another one."""

RANKS_PER_NODE = 8
NETWORK_BYTES_PER_SECOND = 400e9

_PRECISIONS = {"fp4": WeightPrecision.NVFP4, "fp8": WeightPrecision.FP8, "bf16": WeightPrecision.BF16}
_PUBLISHED_IN_FP4 = frozenset({WeightPrecision.MXFP4, WeightPrecision.NVFP4})

SHARE, LARGEST_SHARE = 0.9, 0.97
RESERVED_BYTES = 4 * GIB
LEAST_CACHE_SHARE = 0.1


class Measured(Struct, frozen=True):
    """One row: what was run, and what came out. `waiting` sequences found no room in the cache."""

    name: str
    model: str
    system: str
    engine: str
    precision_text: str
    inventory: Inventory
    precision: Precision
    load: Load
    machine: Machine
    division: Division
    output_tokens: int
    sequences: int
    waiting: int = 0
    admission: Admission = AT_ONCE
    ttft_ms: float | None = None
    tpot_ms: float | None = None
    items_per_s: float | None = None
    kind: str = "decoder"

    @property
    def figures(self) -> tuple[str, ...]:
        """Names of what was measured."""
        pairs = (("ttft", self.ttft_ms), ("tpot", self.tpot_ms), ("items", self.items_per_s))
        return tuple(name for name, value in pairs if value is not None)

    @property
    def family(self) -> str:
        """Models of one architecture and size, which are left out together."""
        return "DeepSeek-V3 and R1" if "DeepSeek" in self.model else self.model


def nvidia_records(folder: Path, models: Models) -> tuple[tuple[Measured, ...], tuple[tuple[str, str], ...]]:
    """Rows of `latency_nvidia.csv` that can be asked, and the names of the others with the reason."""
    read = lru_cache(maxsize=None)(lambda model, precision: _read(models, model, precision))
    accelerators = load_catalog("us-east-1").accelerators
    found: list[Measured] = []
    left: list[tuple[str, str]] = []
    with (folder / "latency_nvidia.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            reason = _unknown(row, models)
            if reason is None:
                found.append(_nvidia(row, read, accelerators))
            else:
                left.append((row["id"], reason))
    return tuple(found), tuple(left)


def _engine(row: Mapping[str, str]) -> str:
    """The catalogue's name of the engine that a row is of."""
    return ENGINE_NAMES.get(row["backend"], row["backend"])


def _unknown(row: Mapping[str, str], models: Models) -> str | None:
    """Why a row cannot be asked; None if it can."""
    if row["system"] not in SYSTEMS:
        return f"EC2 offers no device named {row['system']}"
    if row["precision"] not in _PRECISIONS:
        return f"it is not said how weights are stored in {row['precision']}"
    known = models.find(row["model_path"])
    return "no config of this model is known" if known is None or known.config is None else None


def machine_of(accelerator: Accelerator) -> Machine:
    """A device of a node with eight, as the measured systems are."""
    return Machine(
        generation=accelerator.generation,
        dense_flops=dict(accelerator.dense_flops),
        bandwidth_bytes_per_second=accelerator.bandwidth_bytes_per_second,
        link_bytes_per_second=accelerator.link_bytes_per_second,
        network_bytes_per_second=NETWORK_BYTES_PER_SECOND,
        ranks_per_node=RANKS_PER_NODE,
        link_domain_ranks=max(RANKS_PER_NODE, accelerator.link_domain),
    )


def _read(models: Models, model: str, precision: str) -> tuple[Inventory, Precision]:
    known = models.find(model)
    assert known is not None  # noqa: S101 - `_unknown` looked
    assert known.config is not None  # noqa: S101
    weights = _PRECISIONS[precision]
    published = read_model(known, None)
    if published[1].weights is weights or published[1].weights in _PUBLISHED_IN_FP4:
        return published
    config = {key: value for key, value in known.config.items() if key != "quantization_config"}
    return read_model(Known(config, known.source), weights)


def _nvidia(
    row: Mapping[str, str],
    read: Callable[[str, str], tuple[Inventory, Precision]],
    accelerators: Mapping[str, Accelerator],
) -> Measured:
    inventory, precision = read(row["model_path"], row["precision"])
    if row["backend"] == "trtllm" and row["precision"] != "bf16":
        precision = precision.model_copy(update={"kv_cache": CachePrecision.FP8})
    accelerator = accelerators[SYSTEMS[row["system"]]]
    division, sequences = _division(row, inventory)
    prompt, output = int(row["isl"]), int(row["osl"])
    machine = machine_of(accelerator)
    running = min(sequences, _room(inventory, precision, accelerator, division, prompt + output // 2))
    return Measured(
        name=row["id"],
        model=row["model_path"],
        system=row["system"],
        engine=_engine(row),
        precision_text=row["precision"],
        inventory=inventory,
        precision=precision,
        load=Load(prompt + output, sequences),
        machine=machine,
        division=replace(division, nodes=max(1, division.ranks // RANKS_PER_NODE)),
        output_tokens=output,
        sequences=running,
        waiting=sequences - running,
        admission=admission_of(
            Run(
                engine=_engine(row),
                version=row["backend_version"],
                system=row["system"],
                model=row["model_path"],
                precision=row["precision"],
                prompt_tokens=prompt,
                output_tokens=output,
                concurrency=sequences,
                tensor_parallel=division.tensor_parallel,
                is_attention_parallel=division.data_parallel > 1,
            )
        ),
        ttft_ms=float(row["silicon_ttft_ms"]),
        tpot_ms=float(row["silicon_tpot_ms"]),
    )


def _division(row: Mapping[str, str], inventory: Inventory) -> tuple[Division, int]:
    """How the run was divided, and the sequences of all its groups; see the module."""
    tensor, experts = int(row["tp_size"]), int(row["moe_ep_size"])
    wide = int(row["moe_tp_size"]) * experts
    groups, batch = int(row["attention_dp_size"] or 1), int(row["batch_size"])
    sequences = batch * groups
    named = re.search(r"_tp(\d+)(?:_0)?_ep(\d+)", row["id"])
    asked = re.search(r"_c(\d+)_", row["id"])
    if not row["attention_dp_size"]:
        sequences = int(asked[1]) if asked is not None else batch
        if sequences > batch and tensor == wide:
            groups = min(tensor, max(1, round(sequences / batch)))
            tensor //= groups
        elif wide > tensor:
            groups = wide // tensor
    elif named is not None:
        ranks = int(named[1])
        tensor, groups = (ranks, 1) if groups == 1 else (1, ranks)
    elif experts > 1 and wide == experts**2 == tensor * groups:
        tensor, groups = (experts, 1) if groups == 1 else (1, experts)
    if inventory.attention_heads % tensor:
        tensor, groups, experts = 1, tensor, tensor
    return Division(tensor, 1, min(experts, tensor * groups), groups), max(1, sequences)


def _room(
    inventory: Inventory, precision: Precision, accelerator: Accelerator, division: Division, context_tokens: int
) -> int:
    """Sequences that the cache of all groups holds."""
    model, ranks = profile(inventory, precision), division.tensor_parallel
    weights = sum(group.value_bytes for group in model.products) / ranks
    weights += sum(group.value_bytes for group in model.experts) / division.stage_ranks
    weights += 2 * (model.head.value_bytes if model.head is not None else 0) / ranks
    free = SHARE * accelerator.memory_bytes - weights - RESERVED_BYTES
    if free < LEAST_CACHE_SHARE * accelerator.memory_bytes:
        free = LARGEST_SHARE * accelerator.memory_bytes - weights - RESERVED_BYTES / 2
    reads, recurrent = cache_reads(inventory, precision, ranks)
    # what is kept of latents is all of the context, whatever an indexer selects of it
    each = recurrent + sum(
        read.entry_bytes * (context_tokens if read.most_tokens > 1024 else min(context_tokens, read.most_tokens))
        for read in reads
    )
    return max(1, int(free / each)) * division.data_parallel
