"""What a synthesis is made of, from the construct tree that CDK writes: stacks, their parts, what waits for what.

A part is a construct right below its stack; what holds no resource (outputs, parameters, rules) is none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.document import read_text
from ai_on_eks.descriptors.json_reading import Limits, parse_json
from ai_on_eks.review.side import CLOUD_ASSEMBLY

MAX_TREE_BYTES = 32 * 2**20
"""The default platform has 85 kB, a thousand models about 10 MB."""

TREE = Limits(depth=160, nodes=2_000_000, what="the construct tree of a synthesis")
"""Each level of constructs is two of JSON."""

TYPE_KEY = "aws:cdk:cloudformation:type"
NAMELESS = frozenset({"", "Construct", "CustomResource", "Stack"})
"""Classes that say nothing of what a custom resource is."""

STACK_TYPE = "aws:cloudformation:stack"


class Part(Struct, frozen=True):
    """One construct of a stack; `types` are its CloudFormation types with their number, most first."""

    name: str
    types: tuple[tuple[str, int], ...]

    @property
    def resource_count(self) -> int:
        return sum(count for _, count in self.types)


class StackNode(Struct, frozen=True):
    """`waits_for` names the stacks that are deployed before."""

    name: str
    parts: tuple[Part, ...]
    waits_for: tuple[str, ...]


def read_stacks(folder: Path) -> tuple[StackNode, ...]:
    """The stacks of a synthesized project folder in the order of the tree; nothing where there is no tree."""
    tree = _json(folder / CLOUD_ASSEMBLY / "tree.json")
    root = tree.get("tree") if isinstance(tree, Mapping) else None
    manifest = _json(folder / CLOUD_ASSEMBLY / "manifest.json")
    waits = _dependencies(manifest.get("artifacts") if isinstance(manifest, Mapping) else None)
    return tuple(
        StackNode(name, parts, waits.get(name, ()))
        for name, node in _children(root)
        if (parts := tuple(_parts(node))) and name in waits
    )


def _json(path: Path) -> Any:
    if path.is_symlink() or not path.exists():
        return None
    return parse_json(read_text(path, MAX_TREE_BYTES), str(path), limits=TREE).value


def _dependencies(artifacts: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(artifacts, Mapping):
        return {}
    found = {
        str(one.get("displayName") or name): one
        for name, one in artifacts.items()
        if isinstance(one, Mapping) and one.get("type") == STACK_TYPE
    }
    return {
        name: tuple(other for other in one.get("dependencies", ()) if other in found) for name, one in found.items()
    }


def _parts(stack: Mapping[str, Any]) -> Iterator[Part]:
    for name, node in _children(stack):
        types = Counter(_types(node))
        if types:
            yield Part(name, tuple(sorted(types.items(), key=lambda entry: (-entry[1], entry[0]))))


def _children(node: Any) -> list[tuple[str, Mapping[str, Any]]]:
    children = node.get("children") if isinstance(node, Mapping) else None
    named = children.items() if isinstance(children, Mapping) else ()
    return [(str(name), child) for name, child in named if isinstance(child, Mapping)]


def _types(node: Mapping[str, Any]) -> Iterator[str]:
    """Of every resource below. CDK writes no type for custom resources: those are named by the class that made them."""
    waiting = [(node, "")]
    while waiting:
        one, owner = waiting.pop()
        information = one.get("constructInfo")
        class_ = str(information.get("fqn", "")).rpartition(".")[2] if isinstance(information, Mapping) else ""
        attributes = one.get("attributes")
        type_ = attributes.get(TYPE_KEY) if isinstance(attributes, Mapping) else None
        if type_ is None and class_ == "CfnResource":
            type_ = owner or "custom resource"
        if isinstance(type_, str) and not type_.startswith("AWS::CDK::"):
            yield type_
        waiting += [(child, owner if class_ in NAMELESS else class_) for _, child in _children(one)]
