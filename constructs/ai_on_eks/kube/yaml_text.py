"""Manifests as YAML text that every reader understands alike.

kubectl, GitOps controllers and Python each resolve plain scalars by rules of their own: `0o14` is a number to Go and a
string to PyYAML, `1e3` and `y` likewise differ. So a string is written plain only where it starts with a letter, `_`
or `/`, holds nothing but unambiguous characters and is no word that any of them takes for a boolean or null. All other
strings are quoted, several lines become a literal block, and nothing is ever folded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml

from ai_on_eks.serving.types import Json

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@:=-]*(?<!:)")
_RESERVED = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
_PRINTABLE = re.compile(r"[ -~]*")

_NEVER_FOLD = 2**31 - 1


class _Dumper(yaml.CSafeDumper):
    """CSafeDumper with the quoting above and without anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _string(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        style = None
    elif _shows_exactly_as_block(value):
        style = "|"
    else:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _shows_exactly_as_block(value: str) -> bool:
    """Whole lines of printable ASCII without trailing blanks, the first one neither empty nor indented."""
    lines = value.split("\n")
    return (
        len(lines) > 1
        and lines[0].lstrip(" ") == lines[0] != ""
        and all(_PRINTABLE.fullmatch(line) and line == line.rstrip(" ") for line in lines)
    )


_Dumper.add_representer(str, _string)


def to_yaml(manifests: Iterable[Json]) -> str:
    """The manifests as one stream, each document introduced by `---`, keys in the order given."""
    return yaml.dump_all(
        manifests,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=False,
        explicit_start=True,
        width=_NEVER_FOLD,
    )
