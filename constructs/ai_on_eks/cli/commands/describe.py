"""Write a descriptor from a model's own files: a folder with the config.json of a transformers model or the
model_index.json of a diffusers pipeline, or a weight file (safetensors, GGUF, ONNX, PyTorch archive, TensorFlow
SavedModel) of which only the header is read. hf://org/name[@revision][/file] and https:// addresses of weight files
are read by HTTP range; endpoint and token are those of the hub's own client (HF_ENDPOINT, HF_TOKEN or its file).

What the files do not say (the load, the targets) keeps its default and is yours to edit.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from ai_on_eks.cli.output import document, note, write, write_json
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.stored_weights import with_check
from ai_on_eks.cli.writing import written_to
from ai_on_eks.descriptors.describe import Description, describe, to_yaml
from ai_on_eks.errors import EXIT_DONE
from ai_on_eks.files import write_file_atomically


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="folder that holds the model's files, a weight file, hf://org/name or https://host/file",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write here instead of to stdout")


def run(args: Namespace) -> int:
    with progress("reading", 1, quiet=args.json):
        description = with_check(describe(args.source))
    text = to_yaml(description.descriptor, description.notes)
    if args.output is not None:
        _write(args.output, text)
    if args.json:
        write_json(document("describe", _body(args.source, args.output, description)))
    elif args.output is None:
        write(text, sys.stdout)
    else:
        note(f"wrote {args.output}")
    return EXIT_DONE


def _body(source: str, output: str | None, description: Description) -> dict[str, Any]:
    descriptor = description.descriptor.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"source": source, "output": output, "descriptor": descriptor, "notes": list(description.notes)}


def _write(path: str, text: str) -> None:
    with written_to(path):
        write_file_atomically(Path(path), text)
