"""Plans of fine-tuning jobs for people, from the mapping that `plan --json` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.tables import NONE, size, usd

COLUMNS = (
    Column("job"),
    Column("method"),
    Column("instance type"),
    Column("count", numeric=True),
    Column("trained", numeric=True),
    Column("rank", numeric=True),
    Column("headroom", numeric=True),
    Column("$/h", numeric=True),
    Column("hours", numeric=True),
    Column("$", numeric=True),
)
TERM_COLUMNS = (Column("of one rank"), Column("bytes", numeric=True), Column("formula and source"))
OTHER_COLUMNS = (
    Column("alternatives"),
    Column("count", numeric=True),
    Column("headroom", numeric=True),
    Column("$/h", numeric=True),
    Column("$", numeric=True),
)
NEAREST_SHOWN = 8


def jobs_text(body: Mapping[str, Any], width: int, *, explained: bool) -> str:
    """One row a job; with `explained` every term, alternative and the nearest rejections."""
    parts = [table(COLUMNS, [_row(job) for job in body["jobs"]], width)]
    if explained:
        parts += [_explained(job, width) for job in body["jobs"]]
    return "\n\n".join(parts)


def _row(job: Mapping[str, Any]) -> tuple[str, ...]:
    chosen = job["chosen"]
    if chosen is None:
        return (job["job"], job["method"], *(NONE,) * (len(COLUMNS) - 2))
    return (
        job["job"],
        job["method"],
        chosen["instance_type"],
        str(chosen["nodes"]),
        f"{chosen['trained_parameters'] / 1e6:,.1f} M",
        size(chosen["rank_bytes"]),
        size(chosen["headroom_bytes"]),
        usd(chosen["usd_per_hour"]),
        NONE if chosen["hours"] is None else f"{chosen['hours']:,.1f}",
        NONE if chosen["usd"] is None else f"{chosen['usd']:,.2f}",
    )


def _explained(job: Mapping[str, Any], width: int) -> str:
    parts = [f"{job['job']}: {job['parameters']:,} parameters"]
    if job["chosen"] is not None:
        terms = job["chosen"]["terms"]
        lines = [(one["name"], size(one["bytes"]), f"{one['formula']} [{one['source']}]") for one in terms]
        parts.append(table(TERM_COLUMNS, lines, width))
    if job["alternatives"]:
        rows = [
            (
                one["instance_type"],
                str(one["nodes"]),
                size(one["headroom_bytes"]),
                usd(one["usd_per_hour"]),
                NONE if one["usd"] is None else f"{one['usd']:,.2f}",
            )
            for one in job["alternatives"][:NEAREST_SHOWN]
        ]
        parts.append(table(OTHER_COLUMNS, rows, width))
    counted = Counter(one["rule"] for one in job["rejected"])
    rejected = [f"rejected: {', '.join(f'{rule} ×{number}' for rule, number in counted.most_common())}"]
    for one in job["rejected"][:NEAREST_SHOWN]:
        count = "" if one["nodes"] is None else f"{one['nodes']} × "
        short = "" if one["shortfall"] is None else f" ({one['shortfall']} short)"
        rejected.append(f"  {count}{one['instance_type']}: {one['rule']}: {one['reason']}{short}")
    parts.append("\n".join(rejected))
    return "\n\n".join(parts)
