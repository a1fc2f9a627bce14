"""JSON Schema of the files users write, for editors: `descriptor` (default), `platform`, `pipeline` or `fine-tune`.

The schema is a JSON document with or without --json.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ai_on_eks.cli.output import document, write_json
from ai_on_eks.descriptors.json_schema import NAMES, json_schema
from ai_on_eks.errors import EXIT_DONE


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="descriptor", choices=NAMES, help="default: descriptor")


def run(args: Namespace) -> int:
    schema = json_schema(args.file)
    write_json(document("schema", {"file": args.file, "json_schema": schema}) if args.json else schema)
    return EXIT_DONE
