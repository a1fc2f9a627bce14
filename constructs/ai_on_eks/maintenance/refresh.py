"""Refresh the generated half of the catalogue: what EC2 offers today and what it costs.

    types    what every type is, and which zones offer it      ec2:DescribeRegions, DescribeInstanceTypes,
                                                               DescribeInstanceTypeOfferings
    prices   on-demand price lists of every region             pricing:GetProducts
    spot     seven days of spot prices of every region         ec2:DescribeSpotPriceHistory

With `--source aws` (default) it asks the account of the environment's credentials, which need the permissions above.
With `--source moto` it asks moto in this process, which holds a copy of EC2's own answers about types and offers, and
no prices: no account, no network.

Everything is asked before anything is written. What was answered is kept until then: started again, an interrupted
refresh goes on where it stopped. Corrections of EC2's answers that are no longer needed are named at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from ai_on_eks.files import write_file_atomically
from ai_on_eks.maintenance import asking, ec2
from ai_on_eks.maintenance.asking import REFERENCE_REGION, Account, Answers
from ai_on_eks.maintenance.corrections import obsolete
from ai_on_eks.maintenance.documents import documents
from ai_on_eks.maintenance.jobs import Progress, run
from ai_on_eks.maintenance.resuming import FinishedJobs

DATA = Path(__file__).resolve().parents[1] / "catalog" / "data"
STATE_FOLDER = ".refresh"
PARTS = ("types", "prices", "spot")
PARTS_OF_MOTO = ("types",)
WORKERS = 8
"""Questions at once. EC2 lets an account ask some 20 times a second (EC2 API throttling, read 2026-11) and the SDK
slows down by itself; more would only wait."""

_SDK = Config(retries={"mode": "adaptive", "max_attempts": 10})


@contextlib.contextmanager
def real_account() -> Iterator[Account]:
    """Clients of the account that the environment's credentials belong to."""
    yield Account(
        lambda service, region: boto3.client(service, region_name=region, config=_SDK),
        "EC2 DescribeInstanceTypes and DescribeInstanceTypeOfferings",
    )


@contextlib.contextmanager
def emulated_account() -> Iterator[Account]:
    """Clients answered by moto inside this process, from its copy of EC2's answers."""
    from moto import mock_aws  # noqa: PLC0415 - a test dependency, needed by this source only

    keys = {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}
    with mock_aws():
        yield Account(
            lambda service, region: boto3.client(service, region_name=region, **keys),
            f"EC2 DescribeInstanceTypes and DescribeInstanceTypeOfferings, as copied in moto {version('moto')}",
        )


SOURCES = {"aws": real_account, "moto": emulated_account}


def ask(
    account: Account,
    ask_jobs: asking.Run,
    *,
    parts: Sequence[str],
    regions: Sequence[str] | None,
    now: datetime.datetime,
    shipped: Path,
) -> Answers:
    """Ask for the named parts. Prices of types that are not asked for are those of the files in `shipped`."""
    if "types" in parts:
        names = tuple(regions) if regions else ec2.enabled_regions(account.client_in("ec2", REFERENCE_REGION))
        answers = asking.ask_types(account, names, ask_jobs)
    else:
        answers = _shipped(shipped, regions)
    offers = {region: sorted(zones) for region, zones in (answers.offerings or {}).items()}
    known = tuple(answers.instance_types or ())
    listed = asking.ask_prices(account, tuple(offers), known, ask_jobs) if "prices" in parts else None
    return Answers(
        instance_types=answers.instance_types if "types" in parts else None,
        offerings=answers.offerings if "types" in parts else None,
        prices=_complete(listed, known) if listed is not None else None,
        spot=asking.ask_spot(account, offers, now, ask_jobs) if "spot" in parts else None,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files and say so on stderr. Exceptions of the SDK pass through: this is a maintainer's tool."""
    options = _options(arguments)

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    now = datetime.datetime.combine(options.date, datetime.time(), datetime.UTC)
    with SOURCES[options.source]() as account:
        header = {
            "date": options.date.isoformat(),
            "source": account.source,
            "regions": options.regions,
            "parts": sorted(options.only),
        }
        finished = FinishedJobs(options.output / STATE_FOLDER, header)
        ask_jobs = partial(run, finished=finished, workers=options.workers, progress=progress)
        answers = ask(account, ask_jobs, parts=options.only, regions=options.regions, now=now, shipped=options.output)
        source = account.source
    if answers.instance_types == {}:
        finished.forget()
        progress("error: EC2 described no type of the catalogue; nothing was written")
        return 1
    tool = {"name": "boto3", "version": version("boto3")}
    files = documents(answers, source=source, tool=tool, date=options.date.isoformat())
    for name, text in files.items():
        write_file_atomically(options.output / name, text)
    finished.forget()
    progress(f"{options.output}: {len(files)} files written")
    _report_corrections(answers, progress)
    return 0


def _complete(prices: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Every type of the catalogue in every list: what a region's list lacks is known to be without a price there."""
    return {region: {name: known.get(name) for name in sorted(names)} for region, known in prices.items()}


def _shipped(folder: Path, regions: Sequence[str] | None) -> Answers:
    types = json.loads((folder / "instance_types.json").read_bytes())["instance_types"]
    offerings = {
        path.stem: json.loads(path.read_bytes())["offerings"]
        for path in sorted((folder / "offerings").glob("*.json"))
        if not regions or path.stem in regions
    }
    return Answers(instance_types=types, offerings=offerings)


def _report_corrections(answers: Answers, progress: Progress) -> None:
    corrections = json.loads((DATA / "corrections.json").read_bytes())["corrections"]
    for line in obsolete(corrections, answers.instance_types or {}):
        progress(f"warning: {line}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ai_on_eks.maintenance refresh",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--source", choices=sorted(SOURCES), default="aws", help="who answers (default: the real account)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, metavar="PART", help="types, prices, spot (default: all the source answers)"
    )
    parser.add_argument("--regions", nargs="+", metavar="REGION", help="default: every region enabled in the account")
    parser.add_argument(
        "-o", "--output", type=Path, default=DATA, metavar="DIR", help="default: the package's own data"
    )
    parser.add_argument(
        "--workers", type=_positive, default=WORKERS, metavar="N", help=f"questions at once (default: {WORKERS})"
    )
    today = datetime.datetime.now(datetime.UTC).date()
    parser.add_argument(
        "--date",
        type=datetime.date.fromisoformat,
        default=today,
        metavar="YYYY-MM-DD",
        help="date written into the files, and the end of the spot prices' week (default: today, UTC)",
    )
    options = parser.parse_args(arguments)
    answered = PARTS if options.source == "aws" else PARTS_OF_MOTO
    options.only = tuple(options.only or answered)
    unanswered = [part for part in options.only if part not in answered]
    if unanswered:
        parser.error(f"--source {options.source} knows no {' and no '.join(unanswered)}")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number
