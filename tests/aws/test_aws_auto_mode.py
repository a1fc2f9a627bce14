from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, only, samples, template_of, vpc

from ai_on_eks.aws.auto_mode.names import node_role_name
from ai_on_eks.aws.auto_mode.objects import auto_mode_objects
from ai_on_eks.aws.charts import node_releases
from ai_on_eks.aws.cluster import PlatformCluster
from ai_on_eks.aws.node_groups import capacity_spec
from ai_on_eks.aws.node_reservations import reserved_spec
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, Platform, Reservation
from ai_on_eks.errors import InputError
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import GIB

RESERVATION = "cr-0123456789abcdef0"


def platform(**changes: Any) -> Platform:
    return samples.platform(capacity=Capacity(strategy=CapacityStrategy.AUTO_MODE), **changes)


def objects(request: CapacityRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """(node class, node pool) of one request, each its spec."""
    spec = capacity_spec(request, samples.ZONES)
    found = auto_mode_objects(platform(), [spec])
    node_class, pool = found[f"NodeClass-{request.name}"], found[f"NodePool-{request.name}"]
    assert (node_class["apiVersion"], node_class["kind"]) == ("eks.amazonaws.com/v1", "NodeClass")
    return node_class["spec"], pool["spec"]


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    def build(stack: Stack) -> None:
        PlatformCluster(stack, "Cluster", platform=platform(), vpc=vpc(stack))

    return template_of(build, platform())


def test_compute_storage_and_load_balancing_are_on_together(cluster: dict[str, Any]) -> None:
    properties = only(cluster, "AWS::EKS::Cluster")["Properties"]
    assert properties["ComputeConfig"]["Enabled"] is True
    assert properties["StorageConfig"] == {"BlockStorage": {"Enabled": True}}
    assert properties["KubernetesNetworkConfig"]["ElasticLoadBalancing"] == {"Enabled": True}
    assert properties["ComputeConfig"]["NodePools"] == ["general-purpose", "system"]
    assert "NodeRoleArn" in properties["ComputeConfig"]


def test_what_nodes_bring_is_not_installed_again(cluster: dict[str, Any]) -> None:
    assert all_of(cluster, "AWS::EKS::Addon") == {}


@pytest.mark.parametrize("kind", [samples.gpu_type(), samples.neuron_type("inf2.48xlarge")], ids=lambda kind: kind.name)
def test_no_chart_brings_a_second_device_plugin(kind: Any) -> None:
    requests = [samples.request(kind)]
    assert node_releases(platform(), requests) == ()
    assert node_releases(samples.platform(), requests) != ()


def test_the_control_plane_may_set_the_platforms_tags_on_its_own_nodes_alone(cluster: dict[str, Any]) -> None:
    policy = only(cluster, "AWS::IAM::ManagedPolicy")["Properties"]
    for statement in policy["PolicyDocument"]["Statement"]:
        assert statement["Condition"]["StringEquals"] == {
            "aws:RequestTag/eks:eks-cluster-name": "${aws:PrincipalTag/eks:eks-cluster-name}"
        }
        assert statement["Condition"]["StringLike"]


def test_network_policies_are_switched_on_which_auto_mode_does_not_by_itself() -> None:
    found = auto_mode_objects(platform(), [])
    assert found["NetworkPolicy"]["metadata"] == {"name": "amazon-vpc-cni", "namespace": "kube-system"}
    assert found["NetworkPolicy"]["data"] == {"enable-network-policy-controller": "true"}


def test_a_class_names_the_role_that_is_admitted_and_the_pool_its_class() -> None:
    node_class, pool = objects(samples.request())
    assert node_class["role"] == node_role_name(platform()) == "ai-us-east-1-nodes"
    assert pool["template"]["spec"]["nodeClassRef"] == {
        "group": "eks.amazonaws.com",
        "kind": "NodeClass",
        "name": "g6e-xlarge",
    }
    assert node_class["tags"] == {"ai-on-eks/platform": "ai", "team": "ml"}


def test_a_node_is_replaced_before_auto_mode_would_end_it() -> None:
    _, pool = objects(samples.request())
    assert int(pool["template"]["spec"]["expireAfter"].removesuffix("h")) <= 21 * 24
    assert pool["disruption"]["consolidationPolicy"] == "WhenEmpty"


def test_no_label_of_karpenters_own_group_is_asked_for() -> None:
    _, pool = objects(samples.request())
    keys = {one["key"] for one in pool["template"]["spec"]["requirements"]}
    assert not [key for key in keys if key.startswith("karpenter.k8s.aws/")]


def test_local_disks_carry_images_where_they_are_large_enough() -> None:
    disks, _ = objects(samples.request(samples.gpu_type(local_nvme_bytes=250 * 10**9), root_volume_gib=120))
    volume, _ = objects(samples.request(samples.gpu_type(local_nvme_bytes=0), root_volume_gib=240))
    assert disks["ephemeralStorage"] == {"size": "50Gi", "iops": 3000, "throughput": 125}
    assert volume["ephemeralStorage"] == {"size": "240Gi", "iops": 3000, "throughput": 600}


def test_reserved_nodes_stand_in_the_placement_group_that_they_were_reserved_in() -> None:
    kind = samples.gpu_type()
    made = Reservation(id=RESERVATION, instance_type=kind.name, count=1, zone="us-east-1b", placement_group="ours")
    spec = capacity_spec(samples.request(kind, reservation_id=RESERVATION), samples.ZONES)
    found = auto_mode_objects(platform(), [reserved_spec(spec, [made])])
    assert found[f"NodeClass-{spec.name}"]["spec"]["placementGroupSelector"] == {"name": "ours"}
    assert "placementGroupSelector" not in objects(samples.request(kind))[0]


def test_a_reservation_is_selected_by_its_id_and_is_all_that_is_used() -> None:
    node_class, pool = objects(samples.request(reservation_id=RESERVATION))
    assert node_class["capacityReservationSelectorTerms"] == [{"id": RESERVATION}]
    (types,) = [
        one["values"] for one in pool["template"]["spec"]["requirements"] if one["key"] == "karpenter.sh/capacity-type"
    ]
    assert types == ["reserved"]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (samples.request(samples.gpu_type("g6f.xlarge")), "auto-mode-type-unsupported"),
        (samples.request(samples.gpu_type("g4dn.metal")), "auto-mode-type-unsupported"),
        (samples.request(partition=Partition("slices-4", 4, GIB, 0.25, None)), "auto-mode-undivided"),
        (samples.request(efa=True, zones=("us-east-1a",)), "auto-mode-fabric"),
    ],
)
def test_what_auto_mode_cannot_do_ends_the_synthesis(request_: CapacityRequest, code: str) -> None:
    with pytest.raises(InputError) as caught:
        objects(request_)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_all_that_auto_mode_cannot_do_is_told_at_once() -> None:
    specs = [
        capacity_spec(samples.request(samples.gpu_type("g6f.xlarge"), efa=True), samples.ZONES),
        capacity_spec(samples.request(partition=Partition("slices-4", 4, GIB, 0.25, None)), samples.ZONES),
    ]
    with pytest.raises(InputError) as caught:
        auto_mode_objects(platform(), specs)
    assert [problem.code for problem in caught.value.problems] == [
        "auto-mode-type-unsupported",
        "auto-mode-fabric",
        "auto-mode-undivided",
    ]


def test_types_of_the_catalogue_that_auto_mode_starts_are_described() -> None:
    for name in ("g6e.xlarge", "p5.48xlarge", "p6-b200.48xlarge", "inf2.48xlarge", "c7i.2xlarge"):
        kind = load_catalog("us-east-1").instance_type(name)
        _, pool = objects(samples.request(kind))
        assert pool["limits"]["cpu"] == str(kind.vcpus)
