"""Reference pages of the files users write, from the classes that check those files.

    python -m ai_on_eks.maintenance reference-docs descriptor > docs/descriptor.md
    python -m ai_on_eks.maintenance reference-docs fine-tune  > docs/fine-tune.md
    python -m ai_on_eks.maintenance reference-docs pipeline   > docs/pipeline.md
    python -m ai_on_eks.maintenance reference-docs platform   > docs/platform.md

A test asserts that the committed pages are what this prints, so a default cannot be one thing in the manual and
another in the code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic import BaseModel

from ai_on_eks.descriptors.fine_tune import FineTuneJob
from ai_on_eks.descriptors.patterns import FORMS
from ai_on_eks.descriptors.pipeline import Pipeline
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.profiles import Profile, profile_values
from ai_on_eks.descriptors.schema import Descriptor

Schema = Mapping[str, Any]


class Page(Struct, frozen=True):
    """One page: whose keys it lists, what stands above them, and a file that passes the checks."""

    model: type[BaseModel]
    title: str
    introduction: str
    example: str


PAGES: Mapping[str, Page] = {
    "descriptor": Page(
        model=Descriptor,
        title="The descriptor",
        introduction=(
            "What a model is and what is asked of it: one YAML file per model, in `models/`. An unknown key, a\n"
            "missing key or a value of the wrong kind is an error with file, line and fix ([errors](errors.md)).\n"
            "`ai-on-eks describe` writes a descriptor from a model's own files, `ai-on-eks schema descriptor`\n"
            "prints the JSON Schema for editors."
        ),
        example=(
            "name: my-model\n"
            "kind: foundation\n"
            "source: {uri: hf://org/name, format: safetensors}\n"
            "architecture: {family: transformer, config: config.json}\n"
            "serving: {context_tokens: 16384, concurrency: 16}\n"
        ),
    ),
    "fine-tune": Page(
        model=FineTuneJob,
        title="The file of a fine-tuning job",
        introduction=(
            "Which model is trained, how, and on what: one YAML file a job ([fine-tuning](fine-tuning.md)).\n"
            "An unknown key, a missing key or a value of the wrong kind is an error with file, line and fix\n"
            "([errors](errors.md)). `ai-on-eks schema fine-tune` prints the JSON Schema for editors."
        ),
        example=(
            "name: my-adapters\n"
            "kind: fine-tune\n"
            "model: ../models/my-model.yaml\n"
            "method: lora\n"
            "data: {path: conversations.jsonl, tokens: 20000000}\n"
        ),
    ),
    "pipeline": Page(
        model=Pipeline,
        title="The pipeline file",
        introduction=(
            "Which platforms a change is released to, and in which order: `pipeline.yaml` beside `app.py`. An unknown\n"
            "key, a missing key or a value of the wrong kind is an error with file, line and fix\n"
            "([errors](errors.md)). [Releasing](releasing.md) explains what the pipeline does;\n"
            "`ai-on-eks schema pipeline` prints the JSON Schema for editors."
        ),
        example=(
            "name: ai-release\n"
            "region: us-east-1\n"
            'account: "111122223333"\n'
            "source:\n"
            "  repository: org/platform\n"
            "  connection_arn: arn:aws:codeconnections:us-east-1:111122223333:connection/"
            "01234567-89ab-cdef-0123-456789abcdef\n"
            "stages:\n"
            "  - {name: dev, platform: platforms/dev.yaml}\n"
            "  - {name: prod, platform: platforms/prod.yaml, approval: true}\n"
        ),
    ),
    "platform": Page(
        model=Platform,
        title="The platform file",
        introduction=(
            "Everything the models run on: one YAML file, `platform.yaml`. An unknown key, a missing key or a value\n"
            "of the wrong kind is an error with file, line and fix ([errors](errors.md)).\n"
            "`ai-on-eks schema platform` prints the JSON Schema for editors."
        ),
        example=(
            "name: ai-on-eks\nregion: us-east-1\nnetwork:\n  availability_zones: [us-east-1a, us-east-1b, us-east-1c]\n"
        ),
    ),
}


KINDS: Mapping[str, str] = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "string": "text",
}
"""JSON Schema's types in the words of the manual."""


def page(name: str) -> str:
    """The Markdown text of one page."""
    described = PAGES[name]
    schema = described.model.model_json_schema(by_alias=True)
    definitions: Schema = schema.get("$defs", {})
    lines = [
        f"# {described.title}",
        "",
        described.introduction,
        "",
        "A short one that passes:",
        "",
        "```yaml",
        described.example.rstrip("\n"),
        "```",
        "",
    ]
    if name == "platform":
        lines += _profiles()
    for path, section in _sections("", schema, definitions):
        lines += [f"## {path}" if path else "## Top level", "", _cell(section["description"]), ""]
        lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
        lines += [_row(path, key, field, section, definitions) for key, field in section["properties"].items()]
        lines.append("")
    return "\n".join(lines)


def _profiles() -> list[str]:
    """What each profile sets, key by key."""
    settings = {profile: dict(_flat("", profile_values(profile))) for profile in Profile}
    keys = sorted({key for values in settings.values() for key in values})
    cells = [[f"`{values.get(key, '')}`" if key in values else "" for values in settings.values()] for key in keys]
    return [
        "## Profiles",
        "",
        "`profile: NAME` takes what it sets before the defaults; the file overrides it key by key.",
        "`ai-on-eks validate --explain` shows where each value comes from. An empty cell is the default.",
        "",
        f"| key | {' | '.join(f'`{profile}`' for profile in settings)} |",
        "|---" * (len(settings) + 1) + "|",
        *(f"| `{key}` | {' | '.join(row)} |" for key, row in zip(keys, cells, strict=True)),
        "",
    ]


def _flat(path: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted paths of everything that is no mapping."""
    for key, value in values.items():
        where = _join(path, key)
        if isinstance(value, Mapping):
            yield from _flat(where, value)
        else:
            yield where, str(value).lower() if isinstance(value, bool) else value


def _sections(path: str, schema: Schema, definitions: Schema) -> Iterator[tuple[str, Schema]]:
    """Every mapping of the file with its dotted path, outermost first. That of a list has `[]` behind its key."""
    yield path, schema
    for key, field in schema["properties"].items():
        inner, items = _mapping_of(field, definitions), _mapping_in_list(field, definitions)
        if inner is not None:
            yield from _sections(_join(path, key), inner, definitions)
        elif items is not None:
            yield from _sections(f"{_join(path, key)}[]", items, definitions)


def _row(path: str, key: str, field: Schema, section: Schema, definitions: Schema) -> str:
    inner = _mapping_of(field, definitions)
    where = _join(path, key)
    if inner is not None:
        value = f"mapping, see [{where}](#{where.replace('.', '')})"
        meaning = field.get("description") or inner["description"]
    else:
        value = _value(field, definitions)
        if _mapping_in_list(field, definitions) is not None:
            value += f", see [{where}](#{where.replace('.', '')})"
        meaning = field["description"]
    cells = (f"`{key}`", value, _default(key, field, section, inner), _sentence(meaning))
    return f"| {' | '.join(map(_cell, cells))} |"


def _default(key: str, field: Schema, section: Schema, inner: Schema | None) -> str:
    if key in section.get("required", ()):
        return "required"
    default = field.get("default")
    if inner is not None:
        return "none" if default is None and "anyOf" in field else "its own"
    if default is None:
        return "none" if field.get("type") != "object" else "`{}`"
    return f"`{default}`" if not isinstance(default, list) else f"`[{', '.join(default)}]`"


def _value(field: Schema, definitions: Schema) -> str:
    """What may be written, in words."""
    field = _resolved(field, definitions)
    if "anyOf" in field:
        return " or ".join(_value(one, definitions) for one in field["anyOf"] if one.get("type") != "null")
    if "const" in field or "enum" in field:
        return ", ".join(f"`{one}`" for one in field.get("enum", [field.get("const")]))
    if "pattern" in field:
        form = FORMS[field["pattern"]]
        return f"{form.words}; such as `{form.example}`"
    if field["type"] == "array":
        return f"list{_length(field)} of: {_value(field['items'], definitions)}"
    if isinstance(field.get("additionalProperties"), dict):
        return f"mapping to {_value(field['additionalProperties'], definitions)}"
    return KINDS[field["type"]] + _bounds(field)


def _bounds(field: Schema) -> str:
    words = (
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
    )
    parts = [f"{word} {field[key]:,}" for key, word in words if key in field]
    return f", {' and '.join(parts)}" if parts else ""


def _length(field: Schema) -> str:
    low, high = field.get("minItems"), field.get("maxItems")
    return f" of {low} to {high}," if low is not None and high is not None else ""


def _mapping_of(field: Schema, definitions: Schema) -> Schema | None:
    """The mapping with fixed keys that a field holds, looking through 'or null'."""
    for candidate in (field, *field.get("anyOf", ())):
        resolved = _resolved(candidate, definitions)
        if "properties" in resolved:
            return resolved
    return None


def _mapping_in_list(field: Schema, definitions: Schema) -> Schema | None:
    """The mapping with fixed keys that the items of a field are, looking through 'or null'."""
    for candidate in (field, *field.get("anyOf", ())):
        if "items" in candidate:
            return _mapping_of(candidate["items"], definitions)
    return None


def _resolved(field: Schema, definitions: Schema) -> Schema:
    reference = field.get("$ref")
    return definitions[reference.rpartition("/")[2]] if reference else field


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _cell(text: str) -> str:
    """Text that stays one cell of a table, with `<name>` shown instead of taken for HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one page."""
    parser = argparse.ArgumentParser(
        prog="python -m ai_on_eks.maintenance reference-docs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("page", choices=sorted(PAGES))
    sys.stdout.write(page(parser.parse_args(arguments).page))
    return 0
