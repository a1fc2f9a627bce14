"""LLMInferenceServices: pods that KServe completes with what no review has seen.

    preset = by the form of the spec     merged into the pods; looked for in the model's namespace, then in KServe's
    init   = a container that downloads  unless it is turned off

(pkg/controller/v1alpha2/llmisvc/config_merge.go and workload_storage.go; kserve.github.io, config composition, 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known

PRESETS = "LLMInferenceServiceConfig"
PREFIX = "kserve-config-llm-"


def _preset_of(part: Any, role: str) -> str | None:
    """Name of the preset of one part of a service; None where KServe refuses the part or takes none."""
    if dig(part, "worker") is None:
        return f"{PREFIX}{role}template"
    if any(dig(part, "parallelism", name) for name in ("data", "dataLocal")):
        return f"{PREFIX}{role}worker-data-parallel"
    return f"{PREFIX}{role}worker-pipeline-parallel" if dig(part, "parallelism", "pipeline") else None


def _presets(service: KubeObject) -> Iterator[str]:
    spec, prefill = service.get("spec"), service.get("spec", "prefill")
    parts = [(spec, "" if prefill is None else "decode-"), *([] if prefill is None else [(prefill, "prefill-")])]
    for part, role in parts:
        name = _preset_of(part, role)
        if name is not None:
            yield name


def _unseen(service: KubeObject) -> Iterator[str]:
    if not is_known(service.namespace):
        return
    there = {one.name for one in service.assembly.of_kind(PRESETS) if one.namespace == service.namespace}
    for name in _presets(service):
        if name not in there:
            yield f"there is no {PRESETS} {name} in {service.namespace}, so that KServe takes its own"
    if service.get("spec", "storageInitializer", "enabled") is not False:
        yield "the storage initializer is not turned off"


RULES = (
    Rule(
        "kserve-pods-unseen", ("LLMInferenceService",), "pods that KServe adds to what is written",
        "Its presets bring their own command, certificates and directories without a limit, and a container downloads.",
        f"write an empty {PRESETS} of that name beside it, and storageInitializer.enabled: false", _unseen,
    ),
)  # fmt: skip
"""Objects of KServe."""
