"""KServe in its standard mode, for models whose pods an InferenceService makes: definitions, controller, certificates.

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

NAMESPACE = "kserve"

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("audit", "enforce", "warn")}
"""The pods of both charts run without privileges and as no root; that every one of them is all that `restricted` wants
was not seen."""

REPLICAS = 2
"""Their webhooks have to answer before an object is taken; one of two still does while a node is replaced."""


def is_required(workloads: Iterable[Workload]) -> bool:
    """Whether KServe makes the pods of any model."""
    return any(workload.shape is Shape.INFERENCE_SERVICE for workload in workloads)


def releases() -> tuple[HelmRelease, ...]:
    """The charts at the versions whose keys are used here, in the order they need each other."""
    return (
        _release(CERTIFICATES, CERTIFICATES, certificate_values()),
        _release(DEFINITIONS, NAMESPACE, {}),
        _release(CONTROLLER, None, controller_values(), after=(CERTIFICATES, DEFINITIONS)),
    )


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
