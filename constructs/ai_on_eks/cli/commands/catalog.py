"""What EC2 offers: instance types with the accelerators, memory and network that matter, and prices with their date.

`list` is the default. Offerings and prices are those of --region; where it publishes no price, those of us-east-1.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.cli.ageing import stale_catalogue, today
from ai_on_eks.cli.catalog_text import accelerators_text, instance_type_text, list_text, snapshot_text
from ai_on_eks.cli.documents.offers import accelerator_mapping, instance_type_mapping
from ai_on_eks.cli.documents.snapshots import snapshot_mapping
from ai_on_eks.cli.loading import DEFAULT_REGION, catalog_of_option
from ai_on_eks.cli.output import document, note, terminal_width, write_json, write_text
from ai_on_eks.cli.suggestions import closest_fix
from ai_on_eks.errors import EXIT_DONE, Problem, UsageError

WHAT = ("list", "show", "accelerators")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="list", choices=WHAT, help="default: list")
    parser.add_argument("name", nargs="?", metavar="TYPE", help="the instance type to show")
    parser.add_argument("--region", default=DEFAULT_REGION, metavar="REGION", help=f"default: {DEFAULT_REGION}")
    parser.add_argument("--family", metavar="F", help="only this instance family, such as g6e")


def run(args: Namespace) -> int:
    _check(args)
    catalog = catalog_of_option(args.region)
    origin: dict[str, Any] = {"region": args.region, "catalog": snapshot_mapping(catalog)}
    width = terminal_width()
    if args.what == "accelerators":
        body: dict[str, Any] = {"accelerators": [accelerator_mapping(a) for a in catalog.accelerators.values()]}
        text = accelerators_text(body["accelerators"], width)
    elif args.what == "show":
        body = {"instance_type": _shown(args.name, catalog, args.region)}
        text = instance_type_text(body["instance_type"], width)
    else:
        body = {"instance_types": _listed(args.family, catalog, args.region)}
        text = list_text(body["instance_types"], width)
    if args.json:
        write_json(document("catalog", {**origin, **body}))
    else:
        write_text(f"{text}\n\n{snapshot_text(origin['catalog'], width)}")
        for problem in stale_catalogue(catalog, today()):
            note(f"warning: {problem.message}: {problem.fix}")
    return EXIT_DONE


def _check(args: Namespace) -> None:
    if args.what == "show" and args.name is None:
        raise UsageError(
            Problem(
                code="wrong-usage",
                message="show needs the name of an instance type",
                fix="ai-on-eks catalog show g6e.2xlarge",
            )
        )
    if args.what != "show" and args.name is not None:
        raise UsageError(
            Problem(
                code="wrong-usage",
                message=f"{args.what} takes no instance type",
                value=args.name,
                fix=f"ai-on-eks catalog show {args.name}",
            )
        )
    if args.what != "list" and args.family is not None:
        raise UsageError(
            Problem(
                code="wrong-usage",
                message="--family narrows the list only",
                path="--family",
                value=args.family,
                fix=f"ai-on-eks catalog list --family {args.family}",
            )
        )


def _shown(name: str, catalog: Catalog, region: str) -> dict[str, Any]:
    known = catalog.instance_types.get(name)
    if known is None:
        raise UsageError(
            Problem(
                code="unknown-instance-type",
                message=f"the catalogue knows no instance type '{name}'",
                path="TYPE",
                value=name,
                fix=closest_fix(name, catalog.instance_types) or "ai-on-eks catalog list",
            )
        )
    return instance_type_mapping(known, catalog, region)


def _listed(family: str | None, catalog: Catalog, region: str) -> list[dict[str, Any]]:
    families = sorted({known.family for known in catalog.instance_types.values()})
    if family is not None and family not in families:
        raise UsageError(
            Problem(
                code="unknown-instance-family",
                message=f"the catalogue knows no instance family '{family}'",
                path="--family",
                value=family,
                allowed=tuple(families),
                fix=closest_fix(family, families) or "name one of the allowed families",
            )
        )
    return [
        instance_type_mapping(known, catalog, region)
        for _name, known in sorted(catalog.instance_types.items())
        if family is None or known.family == family
    ]
