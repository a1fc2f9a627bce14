"""`size` of a fine-tuning job: what one rank holds, on one accelerator or on all of an instance type."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.loading import DEFAULT_REGION
from ai_on_eks.cli.output import document, terminal_width, write_json, write_text
from ai_on_eks.cli.tables import size
from ai_on_eks.cli.targets import named_instance_type
from ai_on_eks.cli.terms_text import terms_text
from ai_on_eks.descriptors.fine_tune_loading import LoadedJob, load_fine_tune
from ai_on_eks.errors import EXIT_DONE, EXIT_NOTHING_FITS, Problem, UsageError
from ai_on_eks.placement.training import trains_nothing
from ai_on_eks.sizing.training import budget_bytes, kept_bytes, training_memory

SERVING_OPTIONS = ("accelerator", "tp", "pp", "max_model_len", "concurrency", "memory_fraction", "engine")
"""Of the command, which say nothing of a job."""

COLUMNS = (Column("quantity"), Column("value", numeric=True))


def size_job(args: Namespace) -> int:
    """Tell it. Exit code 3 when a rank does not fit the type that was named."""
    _refuse_serving_options(args)
    body = job_body(load_fine_tune(Path(args.descriptor)), args.instance_type)
    if args.json:
        write_json(document("size-job", body))
    else:
        write_text(_text(body, terminal_width(), explain=args.explain))
    return EXIT_NOTHING_FITS if body["fits"] is False else EXIT_DONE


def job_body(loaded: LoadedJob, type_name: str | None) -> dict[str, Any]:
    """What `size --json` prints of a job; without a type of one rank alone, and `fits` is null."""
    job, inventory = loaded.job, loaded.inventory
    kind = None if type_name is None else _trainer(type_name)
    ranks = 1 if kind is None else kind.accelerator_count
    memory = training_memory(inventory, job, ranks, 1)
    held = None if kind is None else kind.accelerator_memory_bytes
    budget = None if held is None else budget_bytes(held)
    return {
        "job": job.name,
        "model": loaded.descriptor.name,
        "method": job.method.value,
        "parameters": {"total": inventory.parameters, "trained": memory.trained_parameters},
        "instance_type": type_name,
        "ranks": ranks,
        "per_accelerator": {
            "memory_bytes": held,
            "budget_bytes": budget,
            "needed_bytes": memory.rank_bytes,
            "headroom_bytes": None if budget is None else budget - memory.rank_bytes,
            "terms": [
                {"name": one.name, "value_bytes": one.value_bytes, "formula": one.formula, "source": one.source}
                for one in memory.terms
            ],
        },
        "host_bytes": memory.host_bytes,
        "disk_bytes": memory.disk_bytes,
        "kept_bytes": kept_bytes(inventory, job),
        "fits": None if budget is None else memory.rank_bytes <= budget,
    }


def _trainer(name: str) -> InstanceType:
    found = named_instance_type(name, load_catalog(DEFAULT_REGION))
    refused = trains_nothing(found)
    if refused is None:
        return found
    raise UsageError(
        Problem(
            code="wrong-usage",
            message=f"nothing trains on {name}: {refused.words.reason}",
            path="--instance-type",
            value=name,
            fix="name a type of whole NVIDIA devices with bf16",
        )
    )


def _refuse_serving_options(args: Namespace) -> None:
    given = [name for name in SERVING_OPTIONS if getattr(args, name) is not None]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        raise UsageError(
            Problem(
                code="wrong-usage",
                message=f"{option} says nothing of a job that trains",
                path=option,
                fix=f"leave {option} out, and name a target by --instance-type",
            )
        )


def _text(body: dict[str, Any], width: int, *, explain: bool) -> str:
    rank = body["per_accelerator"]
    rows = [
        ("job", body["job"]),
        ("model", body["model"]),
        ("method", body["method"]),
        ("parameters", f"{body['parameters']['total']:,}"),
        ("trained parameters", f"{body['parameters']['trained']:,}"),
        ("ranks", str(body["ranks"])),
        ("memory of a rank", size(rank["needed_bytes"])),
        ("host memory", size(body["host_bytes"])),
        ("node disk", size(body["disk_bytes"])),
        ("checkpoints and result", size(body["kept_bytes"])),
    ]
    parts = [table(COLUMNS, rows, width)]
    if explain:
        parts.append(f"memory of one rank\n{terms_text(rank['terms'], width)}")
    if body["fits"] is not None:
        room = f"{size(rank['needed_bytes'])} of {size(rank['budget_bytes'])}"
        parts.append(f"{'fits' if body['fits'] else 'does not fit'} on {body['instance_type']}: {room} for a rank")
    return "\n\n".join(parts)
