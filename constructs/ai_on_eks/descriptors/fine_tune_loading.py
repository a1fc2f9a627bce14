"""A fine-tuning job from path to checked value, with the model that it trains."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.document import named_in
from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.fine_tune import FineTuneJob, TuningMethod
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.schema import Descriptor, Family, Format, WeightPrecision
from ai_on_eks.descriptors.validation import locate, validate
from ai_on_eks.errors import InputError, Problem

TRAINED_PRECISIONS = frozenset({WeightPrecision.BF16, WeightPrecision.FP16, WeightPrecision.FP32})
LEAST_BITS = 16


class LoadedJob(Struct, frozen=True):
    """A job, where it was read from, and the model that it trains."""

    file: str
    job: FineTuneJob
    descriptor: Descriptor
    inventory: Inventory


def load_fine_tune(path: Path) -> LoadedJob:
    """The job of a file with its model, or all problems of both files."""
    document = read_yaml(path)
    job = validate(document, FineTuneJob, _check)
    model = path.parent / job.model
    try:
        descriptor = load_descriptor(model)
    except InputError as error:
        raise InputError([locate(one, document) for one in named_in(error, "model", job.model).problems]) from None
    inventory = build_inventory(descriptor)
    problems = _check_model(job, descriptor, inventory)
    if problems:
        raise InputError([locate(problem, document) for problem in problems])
    return LoadedJob(str(path), job, descriptor, inventory)


def _check(job: FineTuneJob) -> list[Problem]:
    problems = []
    if job.method is TuningMethod.FULL and "adapter" in job.model_fields_set:
        problems.append(
            Problem(
                "setting-without-effect",
                "method full trains every weight, and no adapter",
                path="adapter",
                fix="remove it, or set method: lora",
            )
        )
    training = job.training
    if training.batch % training.micro_batch:
        problems.append(
            Problem(
                "batch-not-divided",
                f"a batch of {training.batch} is no multiple of micro_batch {training.micro_batch}",
                path="training.batch",
                value=training.batch,
                fix=f"write {-(-training.batch // training.micro_batch) * training.micro_batch}",
            )
        )
    return problems


def _check_model(job: FineTuneJob, descriptor: Descriptor, inventory: Inventory) -> list[Problem]:
    problems = []
    reason = _why_not_trained(descriptor, inventory)
    if reason is not None:
        problems.append(
            Problem(
                "model-not-trainable",
                f"{descriptor.name} cannot be trained: it {reason}",
                path="model",
                value=job.model,
                allowed=("a decoder in safetensors, 16 or 32 bit, with its config",),
                fix="name the descriptor of the model as it was published before it was quantized",
            )
        )
    most = inventory.max_context_tokens
    if most is not None and job.training.sequence_tokens > most:
        problems.append(
            Problem(
                "out-of-range",
                f"{descriptor.name} takes sequences of {most:,} tokens at most",
                path="training.sequence_tokens",
                value=job.training.sequence_tokens,
                allowed=(f"16 to {most}",),
                fix=f"write {most}",
            )
        )
    return problems


def _why_not_trained(descriptor: Descriptor, inventory: Inventory) -> str | None:
    """What the trainer of causal language models cannot do, or what its memory is not known for."""
    precision = descriptor.precision
    is_narrow = precision is not None and (precision.scheme is not None or precision.weights not in TRAINED_PRECISIONS)
    is_quantized = any(tensor.stored is not None and tensor.stored.bits < LEAST_BITS for tensor in inventory.tensors)
    reasons = (
        (f"is stored as {descriptor.source.format.value}", descriptor.source.format is not Format.SAFETENSORS),
        ("is no transformer over tokens", descriptor.architecture.family is not Family.TRANSFORMER),
        ("is no transformer over tokens", inventory.item is not Item.TOKEN),
        ("has no config, so what a layer keeps is not known", descriptor.architecture.config is None),
        ("generates nothing, as an encoder", not inventory.states),
        ("is quantized", is_narrow or is_quantized),
    )
    return next((reason for reason, applies in reasons if applies), None)
