"""Refresh the generated half of the catalogue: what EC2 answers today.

    python -m ai_on_eks.maintenance.refresh [--source aws|moto] [--regions R ...] [-o DIR] [--date YYYY-MM-DD]

Needs `pip install ai-on-eks[maintenance]`. With `--source aws` (default) it asks the account of the environment's
credentials; it needs ec2:DescribeRegions, ec2:DescribeInstanceTypes and ec2:DescribeInstanceTypeOfferings.
With `--source moto` it asks moto in this process, which holds a copy of EC2's own answers: no account, no network.

A type is described by the first region that knows it, the reference region first; EC2 describes a type the same way
everywhere. Everything is asked before anything is written.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3

from ai_on_eks.files import write_file_atomically
from ai_on_eks.maintenance import ec2
from ai_on_eks.maintenance.instance_types import Record, record, selected
from ai_on_eks.maintenance.writing import document

REFERENCE_REGION = "us-east-1"
DATA = Path(__file__).resolve().parents[1] / "catalog" / "data"

ClientFactory = Callable[[str], Any]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything EC2 said: records by type, and zones by region and type."""

    instance_types: Mapping[str, Record]
    offerings: Mapping[str, Mapping[str, tuple[str, ...]]]


def ask(client_in: ClientFactory, regions: Sequence[str] | None, progress: Progress) -> Answers:
    """Ask every region; a region that offers nothing is left out, because the account cannot use it."""
    names = tuple(regions) if regions else ec2.enabled_regions(client_in(REFERENCE_REGION))
    ordered = sorted(names, key=lambda region: (region != REFERENCE_REGION, region))
    described: set[str] = set()
    records: dict[str, Record] = {}
    offered: dict[str, dict[str, tuple[str, ...]]] = {}
    for region in ordered:
        client = client_in(region)
        zones = ec2.offerings(client)
        if not zones:
            progress(f"{region}: offers nothing, left out")
            continue
        offered[region] = zones
        unseen = zones.keys() - described if described else None
        for answer in ec2.describe(client, unseen):
            described.add(answer["InstanceType"])
            if selected(answer):
                records[answer["InstanceType"]] = record(answer)
        progress(f"{region}: {len(zones)} types offered, {len(records)} in the catalogue so far")
    kept = {
        region: {name: places for name, places in zones.items() if name in records}
        for region, zones in sorted(offered.items())
    }
    return Answers(instance_types=dict(sorted(records.items())), offerings=kept)


def documents(answers: Answers, *, source: str, tool: Mapping[str, str], date: str) -> dict[str, str]:
    """File texts by path relative to the data folder. Pure: equal answers give equal bytes."""
    head = {"generated": date, "source": source, "tool": dict(tool)}
    files = {"instance_types.json": document(head, "instance_types", answers.instance_types)}
    for region, zones in answers.offerings.items():
        files[f"offerings/{region}.json"] = document(head | {"region": region}, "offerings", zones)
    return files


@contextlib.contextmanager
def real_account() -> Iterator[tuple[ClientFactory, str]]:
    """Clients of the account that the environment's credentials belong to."""
    yield (
        (lambda region: boto3.client("ec2", region_name=region)),
        "EC2 DescribeInstanceTypes and DescribeInstanceTypeOfferings",
    )


@contextlib.contextmanager
def emulated_account() -> Iterator[tuple[ClientFactory, str]]:
    """Clients answered by moto inside this process, from its copy of EC2's answers."""
    from moto import mock_aws  # noqa: PLC0415 - a test dependency, needed by this source only

    keys = {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}
    with mock_aws():
        name = f"EC2 DescribeInstanceTypes and DescribeInstanceTypeOfferings, as copied in moto {version('moto')}"
        yield (lambda region: boto3.client("ec2", region_name=region, **keys)), name


SOURCES = {"aws": real_account, "moto": emulated_account}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and say so on stderr. Exceptions of the SDK pass through: this is a maintainer's tool."""
    options = _parser().parse_args(arguments)

    def progress(text: str) -> None:
        print(text, file=sys.stderr)

    with SOURCES[options.source]() as (client_in, source):
        answers = ask(client_in, options.regions, progress)
    if not answers.instance_types:
        progress("error: EC2 described no type of the catalogue; nothing was written")
        return 1
    tool = {"name": "boto3", "version": version("boto3")}
    for name, text in documents(answers, source=source, tool=tool, date=options.date).items():
        write_file_atomically(options.output / name, text)
    progress(f"{options.output}: {len(answers.instance_types)} types, {len(answers.offerings)} regions")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ai_on_eks.maintenance.refresh", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--source", choices=sorted(SOURCES), default="aws", help="who answers (default: the real account)"
    )
    parser.add_argument("--regions", nargs="+", metavar="REGION", help="default: every region enabled in the account")
    parser.add_argument(
        "-o", "--output", type=Path, default=DATA, metavar="DIR", help="default: the package's own data"
    )
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    parser.add_argument(
        "--date", type=_iso_date, default=today, help="date written into the files (default: today, UTC)"
    )
    return parser


def _iso_date(text: str) -> str:
    return datetime.date.fromisoformat(text).isoformat()


if __name__ == "__main__":
    sys.exit(main())
