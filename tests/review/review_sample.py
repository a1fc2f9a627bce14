"""What a fault is planted in: templates and objects of one synth."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass
class Sample:
    """Templates and Kubernetes objects by file, as one synth has them."""

    templates: dict[str, Json]
    objects: dict[str, list[Json]]

    def __post_init__(self) -> None:
        """No two places share a value: a fault planted in one would be found in the other."""
        self.templates, self.objects = json.loads(json.dumps([self.templates, self.objects]))

    def copy(self) -> Sample:
        return copy.deepcopy(self)

    def resource(self, type_: str, name: str | None = None) -> Json:
        """The first resource of the type, or the named one."""
        for template in self.templates.values():
            for key, resource in template["Resources"].items():
                if resource["Type"] == type_ and name in (None, key):
                    found: Json = resource
                    return found
        raise KeyError(f"no {type_} {name or ''}")

    def object(self, kind: str, name: str | None = None) -> Json:
        for bodies in self.objects.values():
            for body in bodies:
                if body["kind"] == kind and name in (None, body["metadata"]["name"]):
                    return body
        raise KeyError(f"no {kind} {name or ''}")
