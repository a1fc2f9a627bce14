"""KubeRay: installed where a model's pods are a cluster of Ray."""

from __future__ import annotations

from aws_templates import samples
from msgspec.structs import replace

from ai_on_eks.aws import kuberay_chart
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.serving.types import Group, RayCluster

CLUSTER = RayCluster(version="2.58.0", pods=2, accelerators=1, object_store_bytes=1, serve_config="{}")
PLAIN = samples.workload()
RAY = replace(samples.workload("llama-ray"), ray=CLUSTER, group=Group(nodes=1, worker_pod_spec={}))


def test_given_a_model_on_ray_then_its_operator_alone_is_installed_and_otherwise_none() -> None:
    names = {
        clustered: [release.name for release in replace(samples.deployment(), workloads=workloads).helm_releases()]
        for clustered, workloads in ((False, (PLAIN,)), (True, (PLAIN, RAY)))
    }
    assert [name for name in names[True] if name not in names[False]] == ["kuberay-operator"]


def test_the_release_is_pinned_and_its_pod_as_restricted_as_models() -> None:
    release = kuberay_chart.release()
    assert (release.repository, release.version) == ("https://ray-project.github.io/kuberay-helm/", "1.7.0")
    assert release.namespace_labels is not None
    assert set(release.namespace_labels.values()) == {"restricted"}
    container = {"name": "operator", "securityContext": release.values["securityContext"]}
    assert why_not_restricted({"containers": [container]}) == ()


def test_a_mirror_holds_its_image() -> None:
    deployment = replace(samples.deployment(image_mirror=samples.MIRROR), workloads=(RAY,))
    (release,) = (one for one in deployment.helm_releases() if one.name == "kuberay-operator")
    assert release.values["image"]["repository"] == f"{samples.MIRROR}/quay.io/kuberay/operator"
