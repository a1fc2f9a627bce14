"""Argo CD's and Flux's objects as JSON Schema, from the TypeScript that is generated from their Go types.

Neither project publishes its definitions in a package registry. `@kubernetes-models` generates declarations from the Go
types that the definitions are generated from as well: they name every field, say which have to be there, and list the
words of an enumeration. A field that no type names is an error here, as an API server drops it without a word.

    file         imports · one interface or alias · its full name
    interface    { "name"?: type; … }
    type         string · number · boolean · "word" · Array<type> · { [key: string]: type } · a name · one | another
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

Json = dict[str, Any]

MODULES = Path(__file__).resolve().parent / "gitops" / "node_modules"
"""Where `make test` installs them."""

PACKAGES = {
    "argoproj.io": "@kubernetes-models/argo-cd",
    "source.toolkit.fluxcd.io": "@kubernetes-models/flux-cd",
    "kustomize.toolkit.fluxcd.io": "@kubernetes-models/flux-cd",
    "helm.toolkit.fluxcd.io": "@kubernetes-models/flux-cd",
}
"""By API group."""

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_IMPORT = re.compile(r'^import \{ (\w+) \} from "([^"]+)";$', re.MULTILINE)
_MAIN = re.compile(r"^export (?:interface (\w+)(?: extends [\w, ]+)? (?=\{)|type (\w+) = )", re.MULTILINE)
_TOKEN = re.compile(r'"[^"]*"|\w+|[{}<>()\[\]:;?|]')
_PRIMITIVES: dict[str, Json] = {
    "string": {"type": "string"}, "number": {"type": "number"}, "boolean": {"type": "boolean"},
    "any": {}, "unknown": {}, "null": {"type": "null"},
}  # fmt: skip


def problems_of(manifest: Json) -> list[str]:
    """Everything that is wrong with an object, as `path: message`."""
    errors = sorted(_validator(manifest["apiVersion"], manifest["kind"]).iter_errors(manifest), key=str)
    return [f"{error.json_path}: {error.message}" for error in errors]


@cache
def _validator(api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    group, version = api_version.split("/")
    file = MODULES / PACKAGES[group] / group / version / f"{kind}.d.ts"
    definitions: dict[str, Json] = {}
    return jsonschema.Draft202012Validator({**_reference(file, definitions), "$defs": definitions})


def _reference(file: Path, definitions: dict[str, Json]) -> Json:
    """The type that a file declares; types name each other in circles."""
    key = file.relative_to(MODULES).as_posix().replace("/", ".")
    if key not in definitions:
        definitions[key] = {}
        definitions[key] = _declared(file, definitions)
    return {"$ref": f"#/$defs/{key}"}


def _declared(file: Path, definitions: dict[str, Json]) -> Json:
    text = _COMMENT.sub("", file.read_text(encoding="utf-8"))
    imports = {name: _file(file, source) for name, source in _IMPORT.findall(text)}
    main = _MAIN.search(text)
    if main is None:
        raise ValueError(f"{file} declares nothing")
    return _Reader(text[main.end() :], imports, definitions).type()


def _file(importer: Path, source: str) -> Path:
    """The declarations that an import means."""
    found = importer.parent / source if source.startswith(".") else MODULES / source
    return found.with_name(f"{found.name.removesuffix('.js')}.d.ts").resolve()


class _Reader:
    """Reads one type from the front of a text."""

    def __init__(self, text: str, imports: dict[str, Path], definitions: dict[str, Json]) -> None:
        self._tokens: Iterator[str] = (match[0] for match in _TOKEN.finditer(text))
        self._next = next(self._tokens)
        self._imports, self._definitions = imports, definitions

    def type(self) -> Json:
        choices = [self._one()]
        while self._next == "|":
            self._take("|")
            choices.append(self._one())
        return choices[0] if len(choices) == 1 else {"anyOf": choices}

    def _one(self) -> Json:
        word = self._take()
        if word.startswith('"'):
            return {"const": word.strip('"')}
        if word in _PRIMITIVES:
            return dict(_PRIMITIVES[word])
        if word == "{":
            return self._members()
        if word == "(":
            return self._closed(")")
        if word == "Array":
            self._take("<")
            return {"type": "array", "items": self._closed(">")}
        return _reference(self._imports[word], self._definitions)

    def _closed(self, by: str) -> Json:
        found = self.type()
        self._take(by)
        return found

    def _members(self) -> Json:
        properties: dict[str, Json] = {}
        required: list[str] = []
        values: Json | None = None
        while self._next != "}":
            if self._next == "[":
                for word in ("[", "key", ":", "string", "]", ":"):
                    self._take(word)
                values = self._closed(";")
                continue
            name = self._take().strip('"')
            if self._next == "?":
                self._take("?")
            else:
                required.append(name)
            self._take(":")
            properties[name] = self._closed(";")
        self._take("}")
        if values is not None:
            return {"type": "object", "additionalProperties": values}
        if not properties:
            return {}  # any JSON: values of a chart, elements of a list
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    def _take(self, expected: str | None = None) -> str:
        word = self._next
        if expected is not None and word != expected:
            raise ValueError(f"{expected} was expected, {word} found")
        self._next = next(self._tokens, "")
        return word
