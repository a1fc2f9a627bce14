"""What the rules read: every template and every Kubernetes object of one synth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from ai_on_eks.review.rules.values import Unknown, dig, items, resolved

MANIFEST_TYPE = "Custom::AWSCDK-EKS-KubernetesResource"
HELM_TYPE = "Custom::AWSCDK-EKS-HelmChart"


class Resource(Struct, frozen=True):
    """One resource of a template. `properties` are resolved, `raw` is as written."""

    template: Template
    name: str
    type: str
    properties: Mapping[str, Any]
    raw: Mapping[str, Any]

    def get(self, *path: str | int) -> Any:
        """See `values.dig`."""
        return dig(self.properties, *path)


@dataclass(slots=True)
class Template:
    """One template. `file` is what findings name."""

    file: str | None
    assembly: Assembly
    resources: dict[str, Resource] = field(default_factory=dict)

    def follow(self, value: Any, type_: str) -> Resource | None:
        """The resource of this template and type that the value is a reference to."""
        found = self.resources.get(value.resource or "") if isinstance(value, Unknown) else None
        return found if found and found.type == type_ else None

    def of_type(self, *types: str) -> Iterator[Resource]:
        return (resource for resource in self.resources.values() if resource.type in types)


@dataclass(frozen=True, slots=True)
class KubeObject:
    """One Kubernetes object and where it stands. `path` leads to the object within the file."""

    body: Mapping[str, Any]
    file: str | None
    path: str
    assembly: Assembly = field(repr=False, compare=False)

    @property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @property
    def group(self) -> str:
        group, slash, _ = str(self.body.get("apiVersion", "")).partition("/")
        return group if slash else ""

    @property
    def name(self) -> str:
        return str(self.get("metadata", "name") or self.get("metadata", "generateName"))

    @property
    def namespace(self) -> str:
        return str(self.get("metadata", "namespace") or "default")

    def get(self, *path: str | int) -> Any:
        return dig(self.body, *path)


@dataclass(slots=True)
class Assembly:
    """Everything that is deployed together. Rules that count or compare look at all of it."""

    templates: list[Template] = field(default_factory=list)
    objects: list[KubeObject] = field(default_factory=list)

    def of_type(self, *types: str) -> Iterator[Resource]:
        return (resource for template in self.templates for resource in template.of_type(*types))

    def of_kind(self, *kinds: str) -> Iterator[KubeObject]:
        return (one for one in self.objects if one.kind in kinds)


def read_assembly(
    templates: Mapping[str, Mapping[str, Any]], objects: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
) -> Assembly:
    """From templates and lists of Kubernetes objects, each by the name of its file.

    Objects inside a template are read as well; a manifest that is not known as text is left out.
    """
    assembly = Assembly()
    for file, document in templates.items():
        written = document.get("Resources", {})
        template = Template(file, assembly)
        template.resources = {
            name: Resource(template, name, raw["Type"], resolved(raw.get("Properties", {}), written), raw)
            for name, raw in written.items()
        }
        assembly.templates.append(template)
        for resource in template.of_type(MANIFEST_TYPE):
            assembly.objects += embedded_objects(resource)
    for file, bodies in (objects or {}).items():
        assembly.objects += [KubeObject(body, file, _path(body), assembly) for body in bodies]
    return assembly


def embedded_objects(resource: Resource) -> list[KubeObject]:
    """The objects that one manifest resource applies. A text with holes is still JSON: they stand in strings."""
    manifest = resource.properties.get("Manifest")
    try:
        bodies = json.loads(manifest) if isinstance(manifest, str) else []
    except ValueError:
        return []
    prefix, template = f"Resources.{resource.name}", resource.template
    return [KubeObject(body, template.file, f"{prefix} {_path(body)}", template.assembly) for body in items(bodies)]


def _path(body: Mapping[str, Any]) -> str:
    name = dig(body, "metadata", "name") or dig(body, "metadata", "generateName")
    return f"{body.get('kind')}/{name}"
