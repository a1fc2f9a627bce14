"""`plan --explain`: every figure of a plan with its formula, every rejection with its rule, for people.

Written from the mapping that `plan --json --explain` prints, so that neither can know more than the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ai_on_eks.cli.fleet_text import fleet_text
from ai_on_eks.cli.layout import Column, indented, table
from ai_on_eks.cli.output import counted
from ai_on_eks.cli.tables import NONE, is_of_free, plan_table, size, usd
from ai_on_eks.cli.terms_text import terms_text
from ai_on_eks.placement.nearness import RULE_ORDER
from ai_on_eks.placement.types import ANY_ENGINE, ANY_INSTANCE_TYPE

INDENT = "  "
NEAREST_SHOWN = 5
"""Rejections shown of a model that fits nowhere, unless all are asked for."""

TYPES_NAMED = 8
"""Instance types that one reason names; of more only the families."""

ALTERNATIVE_COLUMNS = (
    Column("instance type"),
    Column("engine"),
    Column("count", numeric=True),
    Column("replicas", numeric=True),
    Column("division"),
    Column("$/h", numeric=True),
    Column("headroom", numeric=True),
    Column("TTFT ms", numeric=True),
    Column("TPOT ms", numeric=True),
    Column("tokens/s", numeric=True),
    Column("items/s", numeric=True),
)


def plans_text(body: Mapping[str, Any], width: int, *, explained: bool) -> str:
    """The table, the fleet's bill, the warnings, the nearest misses; with `explained` everything about each model."""
    details = [explain(plan, width) for plan in body["plans"]] if explained else []
    several = len(body["plans"]) > 1 and body["fleet"]["pools"]
    bill = fleet_text(body["fleet"], width, explained=explained) if several else ""
    parts = (plan_table(body, width), bill, outcome_text(body, width), *details)
    return "\n\n".join(part for part in parts if part)


def outcome_text(body: Mapping[str, Any], width: int) -> str:
    """The warnings of all plans, and the nearest misses of the models that fit nowhere; empty when all is well."""
    warned: dict[str, list[str]] = {}
    for plan in body["plans"]:
        for text in plan["warnings"]:
            warned.setdefault(text, []).append(plan["model"])
    lines = [indented(f"warning: {', '.join(names)}: {text}", width, "", INDENT) for text, names in warned.items()]
    for plan in body["plans"]:
        if plan["chosen"] is not None:
            continue
        lines.append(f"{plan['model']} fits nowhere; nearest:")
        lines += [indented(_miss(miss), width, INDENT, INDENT) for miss in _nearest(plan["rejected"])]
        lines += _suggestions(plan, width)
    return "\n".join(lines)


def explain(plan: Mapping[str, Any], width: int) -> str:
    """One model: the choice term by term, the alternatives, the rejections."""
    total, active = plan["parameters"]["total"], plan["parameters"]["active"]
    parts = [f"== {plan['model']}: {plan['kind']}, {total:,} parameters ({active:,} active), {plan['capacity_type']}"]
    if plan["chosen"] is not None:
        parts.append(_chosen_text(plan["chosen"], plan["readiness"], width))
    if plan["variants"]:
        parts.append("\n".join(("variants:", *(_variant(one) for one in plan["variants"]))))
    if plan["chosen"] is not None and plan["suggestions"]:
        parts.append("\n".join(("what would cost less:", *_suggestions(plan, width))))
    parts.append(_alternatives_text(plan["alternatives"], width))
    parts.append(_rejections_text(plan["rejected"], width))
    return "\n\n".join(parts)


def _budget_text(rank: Mapping[str, Any]) -> str:
    memory, fraction, budget = size(rank["memory_bytes"]), f"{rank['memory_fraction']:g}", size(rank["budget_bytes"])
    if is_of_free(rank):
        return f"{memory}, {fraction} of what is free for the cache, {budget}"
    return f"{memory} × {fraction} = {budget}"


def _chosen_text(chosen: Mapping[str, Any], start: Mapping[str, Any] | None, width: int) -> str:
    rank, price = chosen["per_accelerator"], chosen["price"]
    device = chosen["accelerator"] or "CPU"
    cost = NONE if price is None else f"{usd(price['usd_per_hour'])} $/h each ({price['region']}, {price['date']})"
    lines = [
        f"chosen: {chosen['nodes']} × {chosen['instance_type']}, {cost}, {usd(chosen['usd_per_hour'])} $/h in all",
        f"  {chosen['engine']} {chosen['engine_version']}, {counted(chosen['replicas'], 'replica')}, "
        f"{counted(chosen['accelerators_per_replica'], 'accelerator')} a replica ({device}), "
        f"{_division_text(chosen)}, {_load_text(chosen)} a replica",
        f"  memory of one rank: {_budget_text(rank)} budget; cache {size(rank['kv_cache_bytes'])} "
        f"= {rank['kv_cache_tokens']:,} tokens; headroom {size(chosen['headroom_bytes'])}",
        f"  estimates: {_estimates_text(chosen['estimates'])}",
        f"  {_scale_text(chosen)}",
    ]
    if start is not None:
        lines.append(f"  {_start_text(start)}")
    if not chosen["rendered"]:
        lines.append(f"  {chosen['not_rendered']}")
    host = chosen["host"]
    accounts = (
        f"memory of one rank\n{terms_text(rank['terms'], width)}",
        f"memory of one replica on its node: {size(host['memory_bytes'])}, of it {size(host['shared_memory_bytes'])} "
        f"of /dev/shm; disk {size(host['ephemeral_bytes'])}\n{terms_text(host['terms'], width)}",
    )
    return "\n\n".join(("\n".join(lines), *accounts))


def _division_text(placement: Mapping[str, Any]) -> str:
    """`TP 8, PP 2`, with experts and nodes where there are several."""
    text = f"TP {placement['tensor_parallel']}, PP {placement['pipeline_parallel']}"
    if placement["expert_parallel"] > 1:
        text += f", EP {placement['expert_parallel']}"
    return f"{text}, {placement['nodes_per_replica']} nodes" if placement["nodes_per_replica"] > 1 else text


def _scale_text(chosen: Mapping[str, Any]) -> str:
    """What all replicas give, what that costs, and between how many of them autoscaling may choose."""
    least, most = chosen["autoscaling"]["minimum_replicas"], chosen["autoscaling"]["maximum_replicas"]
    parts = [
        f"autoscaling {least} to {most} replicas" if most > least else f"{counted(most, 'replica')}, no autoscaling"
    ]
    if chosen["requests_per_second"] is not None:
        parts.insert(0, f"{chosen['requests_per_second']:,.2f} requests/s in all")
    cost = chosen["usd_per_million"]
    if cost is not None:
        parts.insert(1, f"{cost['usd']:,.3f} $ per million {cost['unit'].replace('-', ' ')}")
    return ", ".join(parts)


def _start_text(start: Mapping[str, Any]) -> str:
    """`ready 187 s after a new node starts: node 45 s, image 90 s, …`; what takes no time is left out."""
    parts = ", ".join(f"{term['name']} {term['seconds']:,.0f} s" for term in start["terms"] if term["seconds"] >= 1)
    return f"ready {start['total_seconds']:,.0f} s after a new node starts: {parts}"


def _load_text(chosen: Mapping[str, Any]) -> str:
    """What one replica holds at once; an image model works on no tokens."""
    sequences, tokens = chosen["sequences_per_replica"], chosen["max_model_len"]
    return counted(sequences, "item") if tokens == 1 else f"{counted(sequences, 'sequence')} of {tokens:,} tokens"


def _estimates_text(estimates: Mapping[str, Any]) -> str:
    figures = (
        ("time to first token or batch", "ttft_ms", "ms", "ttft"),
        ("time per output token", "tpot_ms", "ms", "tpot"),
        ("output", "output_tokens_per_s", "tokens/s", ""),
        ("throughput", "items_per_s", "items/s", "items"),
    )
    known = [
        f"{name} {estimates[key]:,.1f} {unit}{_band_text(estimates['bands'].get(band))}"
        for name, key, unit, band in figures
        if estimates[key] is not None
    ]
    return f"{', '.join(known) or 'none'} (evidence: {estimates['evidence']})"


def _band_text(band: Sequence[float] | None) -> str:
    """Factors between which most measurements lay; nothing where there were none."""
    return "" if band is None else f" (× {band[0]:.2f} to {band[1]:.2f})"


def _alternatives_text(alternatives: Sequence[Mapping[str, Any]], width: int) -> str:
    if not alternatives:
        return "alternatives: none is better in price, latency or throughput"
    rows = [
        (
            placement["instance_type"],
            f"{placement['engine']} {placement['engine_version']}",
            str(placement["nodes"]),
            str(placement["replicas"]),
            _degrees(placement),
            usd(placement["usd_per_hour"]),
            size(placement["headroom_bytes"]),
            *(
                _figure(placement["estimates"][key])
                for key in ("ttft_ms", "tpot_ms", "output_tokens_per_s", "items_per_s")
            ),
        )
        for placement in alternatives
    ]
    heading = f"alternatives, none beaten in price, latency and throughput at once: {len(rows)}"
    told = [i for i in range(len(ALTERNATIVE_COLUMNS)) if any(row[i] != NONE for row in rows)]
    columns = tuple(ALTERNATIVE_COLUMNS[i] for i in told)
    return f"{heading}\n{table(columns, [tuple(row[i] for i in told) for row in rows], width)}"


def _degrees(placement: Mapping[str, Any]) -> str:
    """`TP 8 PP 2 on 2 nodes`, without what is 1."""
    degrees = (("PP", "pipeline_parallel"), ("EP", "expert_parallel"))
    named = [f"{name} {placement[key]}" for name, key in degrees if placement[key] > 1]
    text = " ".join((f"TP {placement['tensor_parallel']}", *named))
    return f"{text} on {placement['nodes_per_replica']} nodes" if placement["nodes_per_replica"] > 1 else text


def _figure(value: float | None) -> str:
    return NONE if value is None else f"{value:,.1f}"


def _rejections_text(rejected: Sequence[Mapping[str, Any]], width: int) -> str:
    """Rejections by rule and reason, each instance type named, the rules in the order they are asked."""
    groups: dict[str, dict[tuple[str, str], dict[str, list[Mapping[str, Any]]]]] = {}
    for rejection in rejected:
        reasons = groups.setdefault(rejection["rule"], {})
        types = reasons.setdefault((rejection["engine"], rejection["reason"]), {})
        types.setdefault(rejection["instance_type"], []).append(rejection)
    rules = sorted(groups, key=lambda rule: (RULE_ORDER.index(rule) if rule in RULE_ORDER else -1, rule))
    lines = [f"rejected candidates: {len(rejected)}"]
    for rule in rules:
        count = sum(len(degrees) for types in groups[rule].values() for degrees in types.values())
        lines.append(f"{INDENT}{rule}: {count}")
        for (engine, reason), types in groups[rule].items():
            named = _types_text(types)
            subject = named if engine == ANY_ENGINE else f"{engine} on {named}"
            if set(types) == {ANY_INSTANCE_TYPE}:
                subject = engine
            lines.append(indented(f"{subject}: {reason}", width, INDENT * 2, INDENT))
    return "\n".join(lines)


def _types_text(types: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Each type with its divisions; of many types only the families with their counts."""
    if len(types) <= TYPES_NAMED:
        return ", ".join(_type_text(name, rejections) for name, rejections in types.items())
    families = Counter(name.partition(".")[0] for name in sorted(types))
    return ", ".join(f"{family} ×{count}" for family, count in families.items())


def _type_text(name: str, rejections: Sequence[Mapping[str, Any]]) -> str:
    """`g6e.12xlarge TP 2-4, TP 1 PP 2`: the divisions that a reason rejects on one type."""
    plain = sorted({one["tensor_parallel"] for one in rejections if _degrees(one) == f"TP {one['tensor_parallel']}"})
    others = [_degrees(one) for one in rejections if _degrees(one) != f"TP {one['tensor_parallel']}"]
    if not others and plain in ([0], [1]):
        return name
    return f"{name} {', '.join(([f'TP {_ranges(plain)}'] if plain else []) + others)}"


def _ranges(numbers: Sequence[int]) -> str:
    """`[1, 2, 3, 5]` as `1-3/5`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return "/".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _nearest(rejected: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The nearest miss of each of the nearest instance types, or of each engine where none reached any."""
    nearest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for rejection in rejected:
        name = rejection["instance_type"]
        nearest.setdefault((name, rejection["engine"] if name == ANY_INSTANCE_TYPE else ""), rejection)
    misses = list(nearest.values())
    return misses if all(one["instance_type"] == ANY_INSTANCE_TYPE for one in misses) else misses[:NEAREST_SHOWN]


def _variant(variant: Mapping[str, Any]) -> str:
    """`llama-3-2-1b: 1,235,814,400 parameters: 1 × g6.xlarge, vllm, 0.805 $/h, saves 57%`."""
    text = f"{INDENT}{variant['model']}: {variant['parameters']:,} parameters: "
    if variant["instance_type"] is None:
        return f"{text}fits nowhere"
    text += f"{variant['nodes']} × {variant['instance_type']}, {variant['engine']}, {usd(variant['usd_per_hour'])} $/h"
    saved = variant["saved_share"]
    return text if saved is None else f"{text}, {'saves' if saved >= 0 else 'costs'} {abs(saved):.0%}"


def _suggestions(plan: Mapping[str, Any], width: int) -> list[str]:
    """`with precision.kv_cache: fp8: 1 × g6e.xlarge, vllm, TP 1, 1.861 $/h, saves 45 %`."""
    lines = []
    for one in plan["suggestions"]:
        saves = "" if one["saved_share"] is None else f", saves {one['saved_share']:.0%}"
        lines.append(
            f"with {one['setting']}: {one['nodes']} × {one['instance_type']}, {one['engine']}, "
            f"TP {one['tensor_parallel']}, {usd(one['usd_per_hour'])} $/h{saves}"
        )
    return [indented(line, width, INDENT, INDENT) for line in lines]


def _miss(rejection: Mapping[str, Any]) -> str:
    if rejection["instance_type"] == ANY_INSTANCE_TYPE:
        return f"{rejection['engine']}: {rejection['rule']}: {rejection['reason']}"
    degrees = f" {_degrees(rejection)}" if rejection["tensor_parallel"] else ""
    return f"{rejection['instance_type']}{degrees} ({rejection['engine']}): {rejection['rule']}: {rejection['reason']}"
