"""Whose an object in the cluster is, and from which plan: what makes drift between the two visible.

    plan digest = first 16 hexadecimal digits of SHA-256(the workload as JSON, keys sorted)

The workload is what the plan decided about its objects. Left out is what reaches none of them: a new price of the same
node is the same plan. Nor are ids in it that only a deployment gives, so files and cluster agree before and after one;
nor what a plan has not got, so a version of this package that can do more changes no digest.
"""

from __future__ import annotations

import hashlib
import json

from msgspec import to_builtins

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.weights import revision_folder

NAME_LABEL = "app.kubernetes.io/name"
INSTANCE_LABEL = "app.kubernetes.io/instance"
COMPONENT_LABEL = "app.kubernetes.io/component"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
PART_OF_LABEL = "app.kubernetes.io/part-of"
MANAGED_BY = "ai-on-eks"

REVISION_LABEL = "ai-on-eks/revision"
"""The revision of the weights. On pods too: which revision answers is then a column of `kubectl get pods`, and another
revision makes pods anew in any case, as their arguments name it."""

DIGEST_CHARACTERS = 16
"""A label's value holds 63 characters, one too few for SHA-256; 64 bits are plenty to tell the plans of one model."""

NOT_APPLIED = frozenset({"start", "usd_per_hour", "warnings"})
"""Fields of a workload that reach no object that is the model's alone."""

MAX_LABEL_CHARACTERS = 63
"""Of a label's value (kubernetes.io/docs/concepts/overview/working-with-objects/labels, 2026-11)."""


def ownership_labels(descriptor: Descriptor, platform: Platform) -> dict[str, str]:
    """Labels of every object and pod of one model."""
    return {
        COMPONENT_LABEL: "model",
        MANAGED_BY_LABEL: MANAGED_BY,
        NAME_LABEL: descriptor.name,
        PART_OF_LABEL: platform.name,
        REVISION_LABEL: _label_value(revision_folder(descriptor)),
    }


def plan_digest(workload: Workload) -> str:
    """Digest of what the plan decided about the model's objects."""
    fields = to_builtins(workload).items()
    applied = {name: value for name, value in fields if value is not None and name not in NOT_APPLIED}
    text = json.dumps(applied, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARACTERS]


def _label_value(revision: str) -> str:
    """As the value of a label, which holds no `/`: `refs-pr-3`."""
    return revision.replace("/", "-")[:MAX_LABEL_CHARACTERS].rstrip("._-")
