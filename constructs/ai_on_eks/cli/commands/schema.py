"""JSON Schema of the files users write, for editors: `descriptor` (default) or `platform`.

The schema is a JSON document with or without --json.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from pydantic import BaseModel

from ai_on_eks.cli.output import document, write_json
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import EXIT_DONE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MODELS: dict[str, type[BaseModel]] = {"descriptor": Descriptor, "platform": Platform}


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default="descriptor", choices=tuple(MODELS), help="default: descriptor")


def run(args: Namespace) -> int:
    schema = file_schema(args.file)
    write_json(document("schema", {"file": args.file, "json_schema": schema}) if args.json else schema)
    return EXIT_DONE


def file_schema(file: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the file, made from the classes that validate it."""
    return {"$schema": DIALECT, **MODELS[file].model_json_schema(by_alias=True)}
