"""The answer of `size` for people, from the mapping that `size --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.cli.layout import Column, indented, table
from ai_on_eks.cli.output import counted
from ai_on_eks.cli.tables import NONE, is_of_free, size
from ai_on_eks.cli.terms_text import terms_text

COLUMNS = (Column("quantity"), Column("value", numeric=True))


def size_text(body: Mapping[str, Any], width: int, *, explain: bool) -> str:
    """The model's figures; on a target the account of one accelerator and whether it fits."""
    parts = [table(COLUMNS, _model_rows(body), width)]
    if body["per_accelerator"] is not None:
        parts.append(f"on {_target_text(body['target'])}\n{table(COLUMNS, _rank_rows(body), width)}")
        if explain:
            parts.append(f"memory of one rank\n{terms_text(body['per_accelerator']['terms'], width)}")
            parts.append(f"memory of one replica on its node\n{terms_text(body['host']['terms'], width)}")
        parts.append(_verdict(body, width))
        parts += [
            indented(f"not served there: {one['rule']}: {one['reason']}", width, "", "  ") for one in body["objections"]
        ]
    if body["estimated"]:
        parts.append("\n".join(indented(f"estimated: {text}", width, "", "  ") for text in body["estimated"]))
    return "\n\n".join(parts)


def _model_rows(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    parameters, precision = body["parameters"], body["precision"]
    scheme = f" ({precision['scheme']})" if precision["scheme"] else ""
    rows = [
        ("model", body["model"]),
        ("architecture", body["architecture"]),
        ("parameters", f"{parameters['total']:,}"),
        ("active parameters", f"{parameters['active']:,}"),
        ("size class", body["size_class"]),
        ("weights", f"{size(body['weights_bytes'])} as {precision['weights']}{scheme}"),
        ("KV cache per token", f"{body['kv_bytes_per_token']:,} bytes{_cache_type(precision['kv_cache'])}"),
        ("context", counted(body["context_tokens"], "token")),
        ("concurrency", f"{body['concurrency']:,}"),
        ("batch", f"{body['batch']:,}"),
    ]
    keeps_cache = _keeps_cache(body)
    unused = {"batch"} if keeps_cache else set()
    if not body["kv_bytes_per_token"]:  # a recurrent state is as large however long the sequence
        unused.add("KV cache per token")
    if body["context_tokens"] == 1 and body["max_context_tokens"] is None and not keeps_cache:  # works on images
        unused.add("context")
    return [row for row in rows if row[0] not in unused]


def _keeps_cache(body: Mapping[str, Any]) -> bool:
    """Does a sequence keep anything? Recurrent states alone are known by the line of the account."""
    rank = body["per_accelerator"]
    return bool(body["kv_bytes_per_token"]) or (rank is not None and rank["kv_cache_bytes"] > 0)


def _cache_type(name: str) -> str:
    return "" if name == "auto" else f" as {name}"


def _share(rank: Mapping[str, Any]) -> str:
    fraction = f"{rank['memory_fraction']:g}"
    return f"{fraction} of what is free" if is_of_free(rank) else f"× {fraction}"


def _rank_rows(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    rank, host = body["per_accelerator"], body["host"]
    rows = [
        ("memory", size(rank["memory_bytes"])),
        (f"budget ({_share(rank)})", size(rank["budget_bytes"])),
        ("weights", size(rank["weights_bytes"])),
        ("activations", size(rank["activation_bytes"])),
        ("overhead", size(rank["overhead_bytes"])),
    ]
    if _keeps_cache(body):
        rows.append(("KV cache", size(rank["kv_cache_bytes"])))
        if rank["kv_bytes_per_token"]:
            rows.append(("KV cache per token", f"{rank['kv_bytes_per_token']:,} bytes"))
        rows.append(("KV cache of a replica", counted(rank["kv_cache_tokens"], "token")))
    return [
        *rows,
        ("sequences a replica", f"{body['sequences_per_replica']:,}"),
        ("headroom", size(rank["headroom_bytes"])),
        ("host memory", size(host["memory_bytes"])),
        *([("of it /dev/shm", size(host["shared_memory_bytes"]))] if host["shared_memory_bytes"] else []),
        ("node disk", size(host["ephemeral_bytes"])),
    ]


def _target_text(target: Mapping[str, Any]) -> str:
    place = target["instance_type"] or target["accelerator"] or NONE
    device = f" ({target['accelerator']})" if target["instance_type"] and target["accelerator"] else ""
    ranks = f"TP {target['tensor_parallel']}, PP {target['pipeline_parallel']}"
    return f"{place}{device}, {target['engine']} {target['engine_version']}, {ranks}"


def _fitting(body: Mapping[str, Any]) -> str:
    """A replica that holds a part of the load fits; how large a part decides how many replicas are needed."""
    held, asked = body["sequences_per_replica"], body["concurrency"]
    if not _keeps_cache(body):
        return "fits"
    length = counted(body["context_tokens"], "token")
    return f"fits: one replica holds {min(held, asked):,} of {counted(asked, 'sequence')} of {length}"


def _verdict(body: Mapping[str, Any], width: int) -> str:
    if body["fits"]:
        return _fitting(body)
    return "\n".join(indented(f"does not fit: {reason}", width, "", "  ") for reason in body["reasons"])
