"""KServe, for models whose pods an InferenceService or an LLMInferenceService makes: definitions, controllers,
certificates. Each kind has two charts of its own.

The certificate of its webhook comes from cert-manager, which KServe cannot do without (kserve.github.io, admin guide,
kubernetes deployment, 0.20).
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.serving.types import Workload

CERTIFICATES = "cert-manager"
DEFINITIONS = "kserve-crd"
CONTROLLER = "kserve-resources"
LLM_DEFINITIONS = "kserve-llmisvc-crd"
LLM_CONTROLLER = "kserve-llmisvc-resources"

NAMESPACE = "kserve"

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("audit", "enforce", "warn")}
"""The pods of both charts run without privileges and as no root; that every one of them is all that `restricted` wants
was not seen."""

REPLICAS = 2
"""Their webhooks have to answer before an object is taken; one of two still does while a node is replaced."""


def releases(workloads: Iterable[Workload]) -> tuple[HelmRelease, ...]:
    """The charts that the models' shapes need, at the versions whose keys are used here, in the order they need each
    other; none where KServe makes no model's pods."""
    shapes = {workload.shape for workload in workloads}
    plain, llm = Shape.INFERENCE_SERVICE in shapes, Shape.LLM_INFERENCE_SERVICE in shapes
    if not plain and not llm:
        return ()
    found = [_release(CERTIFICATES, CERTIFICATES, certificate_values())]
    if plain:
        found.append(_release(DEFINITIONS, NAMESPACE, {}))
        found.append(_release(CONTROLLER, None, controller_values(), after=(CERTIFICATES, DEFINITIONS)))
    if llm:
        # Whichever comes first makes the namespace and what both controllers read.
        before = (CERTIFICATES, LLM_DEFINITIONS, *((CONTROLLER,) if plain else ()))
        others = (DEFINITIONS,) if plain else ()
        found.append(_release(LLM_DEFINITIONS, None if plain else NAMESPACE, {}, after=others))
        found.append(_release(LLM_CONTROLLER, None, llm_controller_values(is_first=not plain), after=before))
    return tuple(found)


def _release(name: str, own_namespace: str | None, values: Json, after: tuple[str, ...] = ()) -> HelmRelease:
    return pinned_release(
        name,
        namespace=own_namespace or NAMESPACE,
        namespace_labels=NAMESPACE_LABELS if own_namespace else None,
        values=values,
        after=after,
    )


def certificate_values() -> Json:
    """Definitions with the chart: they leave the cluster with it, and nothing else uses them."""
    return {
        "crds": {"enabled": True},
        "replicaCount": REPLICAS,
        "webhook": {"replicaCount": REPLICAS},
        "cainjector": {"replicaCount": REPLICAS},
    }


def controller_values() -> Json:
    """No Knative, no routes of its own, and no sizes for containers that say theirs.

    By default KServe gives a container without a limit of processor time one of a single processor (its webhook,
    setResourceRequirementDefaults), which is less than what a model's container asks for: the pod would be refused.
    """
    nothing = {"cpu": "", "memory": ""}
    return {
        "kserve": {
            "controller": {"deploymentMode": "Standard", "gateway": {"disableIngressCreation": True}},
            "inferenceservice": {"resources": {"limits": nothing, "requests": nothing}},
        }
    }


def llm_controller_values(*, is_first: bool) -> Json:
    """The controller alone: neither presets, which are another chart's, nor definitions of the gateway's extension,
    which it needs for schedulers of its own, and no model has one.

    `is_first` where no other controller of KServe's brings the settings that both read.
    """
    shared = {} if is_first else {"createSharedResources": False}
    controller = {"imagePullPolicy": "IfNotPresent", "replicas": REPLICAS}
    llm = {"createGIECRDs": False, "controller": controller}
    return {"kserve": {**controller_values()["kserve"], "llmisvc": llm, **shared}}
