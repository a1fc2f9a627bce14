"""Rows of `latency_neuron.csv`: what AWS publishes of Inferentia2 and Trainium1.

A rank of a language model is a core. Everything else runs one copy per core: the device answers twice the batch.
Images: 50 steps with guidance for Stable Diffusion, 20 for PixArt, the defaults of their pipelines; the records name
none.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.errors import AiOnEksError
from ai_on_eks.performance.batches import kind_of
from ai_on_eks.performance.machine import Division, machine_for
from ai_on_eks.sizing.types import Load
from benchmarks.accuracy.models import Models
from benchmarks.accuracy.predictions import read_model
from benchmarks.latency.records import Measured

CORES = 2
STEPS = {"PixArt": 20}
DEFAULT_STEPS = 50
GENERATES_IMAGES = "Image Generation"

_PRECISIONS = {
    "int8": WeightPrecision.INT8,
    "bf16": WeightPrecision.BF16,
    "FP16": WeightPrecision.FP16,
    "FP32": WeightPrecision.FP32,
}


def neuron_records(folder: Path, models: Models) -> tuple[tuple[Measured, ...], tuple[tuple[str, str], ...]]:
    """Rows that can be asked, each once, and the names of the others with the reason."""
    types = load_catalog("us-east-1").instance_types
    found: dict[str, Measured] = {}
    left: list[tuple[str, str]] = []
    with (folder / "latency_neuron.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            name = _name(row)
            known = models.find(row["Model"])
            if known is None or known.config is None:
                left.append((name, "no config of this model is known"))
                continue
            try:
                weights = _weights(row)
                model = read_model(known, weights)
            except AiOnEksError as error:
                left.append((name, error.problems[0].message))
                continue
            if (row["Task"] == GENERATES_IMAGES) != (model[0].image is not None):
                left.append((name, "the config of that name is another kind of model's"))
                continue
            found.setdefault(name, _measured(name, row, model, types[row["Inst. Type"].lower()]))
    return tuple(found.values()), tuple(left)


def _name(row: Mapping[str, str]) -> str:
    parts = (
        row["Model"],
        row["Inst. Type"].lower(),
        f"batch {row['Batch Size']}",
        f"{row['Input Length']}+{row['Output Length']}" if row["Input Length"] else "",
        row["Image Size"],
    )
    return " ".join(part for part in parts if part)


def _weights(row: Mapping[str, str]) -> WeightPrecision:
    stored = row["Weight Storage Data Type"] or row["Model Data Type"].strip('"')
    return next(value for word, value in _PRECISIONS.items() if word in stored)


def _measured(
    name: str, row: Mapping[str, str], model: tuple[Inventory, Precision], instance_type: InstanceType
) -> Measured:
    inventory, precision = model
    batch = int(row["Batch Size"])
    throughput = _number(row["Throughput (inference/sec)"]) or _number(row["Throughput (inference/second)"])
    common = Measured(
        name=name,
        model=row["Model"],
        system=instance_type.name,
        engine="neuron",
        precision_text=precision.weights.value,
        inventory=inventory,
        precision=precision,
        load=Load(1, batch, batch),
        machine=machine_for(instance_type),
        division=Division(),
        output_tokens=1,
        sequences=batch,
    )
    if inventory.states:
        prompt, output = int(row["Input Length"]), int(row["Output Length"])
        context = max(prompt + output, int(row["Sequence Length"]))
        return replace(
            common,
            load=Load(context, batch),
            machine=machine_for(instance_type, CORES),
            division=Division(int(row["TP Degree"])),
            output_tokens=output,
            ttft_ms=_number(row["TTFT Latency P50 (ms)"]),
            tpot_ms=_number(row["TPOT Latency P50 (ms)"]) or _number(row["Latency per Token P50 (ms)"]),
        )
    if inventory.image is not None:
        width, height = (int(side) for side in row["Image Size"].split("x"))
        steps = next((steps for word, steps in STEPS.items() if word in row["Model"]), DEFAULT_STEPS)
        image = replace(inventory.image, width=width, height=height, steps=steps, guided=True, batch=batch)
        inventory = replace(inventory, image=image)
        kept = 1
    else:
        kept = CORES
    context = int(row["Sequence Length"] or 1) if inventory.item is Item.TOKEN else 1
    return replace(
        common,
        inventory=inventory,
        load=Load(context, kept * batch, kept * batch),
        sequences=kept * batch,
        items_per_s=throughput,
        kind=kind_of(inventory),
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
