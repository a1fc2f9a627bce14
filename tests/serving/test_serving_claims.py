"""Devices that pods claim instead of asking for a number of them."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import serving_plans as plans

from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import Capacity, GpuSoftware
from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.workload import build_workload

CLAIMING = plans.PLATFORM.model_copy(update={"capacity": Capacity(gpu_software=GpuSoftware.DRA_DRIVER)})
ACCELERATED = {
    name: plan
    for name, plan in plans.ALL_PLANS.items()
    if plan.chosen and plan.chosen.accelerators_per_replica and plan.chosen.nodes_per_replica == 1
}


def vendor(plan: Plan) -> Vendor | None:
    accelerator = plan.chosen.instance_type.accelerator if plan.chosen else None
    return accelerator.vendor if accelerator else None


GPU_PLANS = {name: plan for name, plan in ACCELERATED.items() if vendor(plan) is Vendor.NVIDIA}
OTHER_PLANS = {name: plan for name, plan in ACCELERATED.items() if name not in GPU_PLANS}


@pytest.mark.parametrize("name", GPU_PLANS)
def test_given_a_driver_for_claims_then_each_pod_claims_whole_gpus_and_asks_for_none_by_number(name: str) -> None:
    plan = GPU_PLANS[name]
    assert plan.chosen is not None
    manifests = model_manifests(build_workload(plan, CLAIMING, plans.IMAGES))
    template, pod = manifests["ResourceClaimTemplate"], manifests["Resource"]["spec"]["template"]["spec"]
    (request,) = template["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"] == {
        "deviceClassName": "gpu.nvidia.com",
        "allocationMode": "ExactCount",
        "count": plan.chosen.accelerators_per_replica,
    }
    (claim,) = pod["resourceClaims"]
    assert claim["resourceClaimTemplateName"] == template["metadata"]["name"]
    resources = pod["containers"][0]["resources"]
    assert resources["claims"] == [{"name": claim["name"]}]
    assert not [key for part in ("requests", "limits") for key in resources[part] if "/" in key]
    assert {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"} in pod["tolerations"]


def test_given_a_replica_on_two_nodes_then_each_pod_claims_its_nodes_gpus_and_keeps_its_adapters() -> None:
    workload = build_workload(plans.llama_on_two_nodes(), CLAIMING, plans.IMAGES)
    plain = build_workload(plans.llama_on_two_nodes(), plans.PLATFORM, plans.IMAGES)
    assert workload.device_claim is not None
    assert workload.group is not None
    assert plain.group is not None
    count = plain.pod_spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert workload.device_claim["devices"]["requests"][0]["exactly"]["count"] == int(count)
    for ours, theirs in (
        (workload.pod_spec, plain.pod_spec),
        (workload.group.worker_pod_spec, plain.group.worker_pod_spec),
    ):
        (claim,) = ours["resourceClaims"]
        resources, others = ours["containers"][0]["resources"], theirs["containers"][0]["resources"]
        assert resources["claims"] == [{"name": claim["name"]}]
        for part in ("requests", "limits"):
            assert resources[part] == {key: value for key, value in others[part].items() if key != "nvidia.com/gpu"}
    template = model_manifests(workload)["ResourceClaimTemplate"]["metadata"]["name"]
    assert workload.pod_spec["resourceClaims"][0]["resourceClaimTemplateName"] == template


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_given_a_claim_then_its_objects_are_those_of_every_version_we_serve(version: str) -> None:
    plan = next(iter(GPU_PLANS.values()))
    manifests: dict[str, Any] = model_manifests(build_workload(plan, CLAIMING, plans.IMAGES))
    for key in ("ResourceClaimTemplate", "Resource"):
        kubernetes_validate.validate(manifests[key], version, strict=True)


@pytest.mark.parametrize("name", OTHER_PLANS)
def test_given_a_driver_for_nvidias_gpus_then_devices_of_others_are_asked_for_by_number(name: str) -> None:
    workload = build_workload(OTHER_PLANS[name], CLAIMING, plans.IMAGES)
    assert workload.device_claim is None
    assert "aws.amazon.com/neuron" in workload.pod_spec["containers"][0]["resources"]["limits"]


def test_given_no_accelerator_or_a_device_plugin_then_nothing_is_claimed() -> None:
    cpu = next(plan for plan in plans.ALL_PLANS.values() if plan.chosen and not plan.chosen.accelerators_per_replica)
    gpu = next(iter(GPU_PLANS.values()))
    for plan, platform in ((cpu, CLAIMING), (gpu, plans.PLATFORM)):
        workload = build_workload(plan, platform, plans.IMAGES)
        assert workload.device_claim is None
        assert "resourceClaims" not in workload.pod_spec
        assert "ResourceClaimTemplate" not in model_manifests(workload)
