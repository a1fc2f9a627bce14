from __future__ import annotations

import tomllib
from typing import Any

import pytest
from aws_templates import samples

from ai_on_eks.aws.karpenter.objects import karpenter_objects
from ai_on_eks.aws.node_groups import capacity_spec
from ai_on_eks.aws.node_placement import placed_spec
from ai_on_eks.aws.node_reservations import reserved_spec
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Capacity, OperatingSystem, Platform, Reservation
from ai_on_eks.descriptors.platform_network import ExistingVpc, Network
from ai_on_eks.errors import InputError
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import GIB

RESERVATION = "cr-0123456789abcdef0"
GROUP = "ai-capacity-near"


def objects(request: CapacityRequest, platform: Platform | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(node class, node pool) of one request, each its spec."""
    platform = platform or samples.platform()
    spec = capacity_spec(request, samples.ZONES, platform.capacity.operating_system)
    spec = placed_spec(spec, {request.pool: GROUP})
    node_class, pool = karpenter_objects(platform, [spec]).values()
    assert (node_class["kind"], pool["kind"]) == ("EC2NodeClass", "NodePool")
    assert node_class["metadata"] == pool["metadata"] == {"name": request.name}
    return node_class["spec"], pool["spec"]


def requirements(pool: dict[str, Any]) -> dict[str, list[str]]:
    return {one["key"]: one["values"] for one in pool["template"]["spec"]["requirements"]}


def test_a_pool_starts_the_planned_type_in_the_planned_zones_and_no_more_than_planned() -> None:
    _, pool = objects(samples.request(nodes=3, zones=("us-east-1b",)))
    assert requirements(pool) == {
        "karpenter.sh/capacity-type": ["on-demand"],
        "node.kubernetes.io/instance-type": ["g6e.xlarge"],
        "topology.kubernetes.io/zone": ["us-east-1b"],
    }
    assert pool["limits"] == {"cpu": "12", "memory": "98304Mi", "nvidia.com/gpu": "3"}
    assert "weight" not in pool


def test_a_serving_node_is_never_emptied_to_save_money_and_one_at_a_time_is_replaced() -> None:
    _, pool = objects(samples.request())
    assert pool["disruption"] == {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": "1h",
        "budgets": [{"nodes": "1"}],
    }
    assert pool["template"]["spec"]["expireAfter"] == "720h"
    assert pool["template"]["spec"]["terminationGracePeriod"] == "24h"


@pytest.mark.parametrize(
    ("kind", "taint", "limited"),
    [
        (samples.gpu_type("p5.48xlarge", devices=8), "nvidia.com/gpu", {"nvidia.com/gpu": "8"}),
        (samples.neuron_type("inf2.48xlarge"), "aws.amazon.com/neuron", {"aws.amazon.com/neuron": "16"}),
        (samples.cpu_type("c7i.2xlarge"), "ai-on-eks/models", {}),
    ],
    ids=lambda value: value.name if isinstance(value, InstanceType) else "",
)
def test_nodes_carry_the_taint_and_labels_that_pods_of_every_strategy_know(
    kind: InstanceType, taint: str, limited: dict[str, str]
) -> None:
    _, pool = objects(samples.request(kind, pool="shared"))
    assert pool["template"]["spec"]["taints"] == [{"key": taint, "value": "present", "effect": "NoSchedule"}]
    assert pool["template"]["metadata"]["labels"] == {"ai-on-eks/role": "model", "ai-on-eks/capacity": "shared"}
    assert pool["limits"] == {"cpu": "4", "memory": "32768Mi", **limited}


@pytest.mark.parametrize("capacity_type", ["on-demand", "capacity-block"])
def test_a_reservation_is_selected_by_its_id_is_all_that_is_used_and_is_filled_first(capacity_type: str) -> None:
    node_class, pool = objects(samples.request(capacity_type=capacity_type, reservation_id=RESERVATION))
    assert node_class["capacityReservationSelectorTerms"] == [{"id": RESERVATION}]
    assert requirements(pool)["karpenter.sh/capacity-type"] == ["reserved"]
    assert pool["weight"] > 0


def test_what_is_bought_by_the_hour_selects_no_reservation() -> None:
    node_class, pool = objects(samples.request(capacity_type="spot"))
    assert "capacityReservationSelectorTerms" not in node_class
    assert requirements(pool)["karpenter.sh/capacity-type"] == ["spot"]


def test_a_block_that_nobody_named_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        objects(samples.request(capacity_type="capacity-block"))
    assert [problem.code for problem in caught.value.problems] == ["capacity-type-unsupported"]


def test_the_image_is_a_dated_one() -> None:
    node_class, _ = objects(samples.request())
    assert node_class["amiSelectorTerms"] == [{"alias": "al2023@v20260714"}]


def test_pods_cannot_read_the_nodes_credentials() -> None:
    node_class, _ = objects(samples.request())
    assert (node_class["instanceProfile"], "role" in node_class) == ("ai-us-east-1-nodes", False)
    assert node_class["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpProtocolIPv6": "disabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }


def test_nodes_stand_in_private_subnets_and_in_the_group_eks_makes() -> None:
    node_class, _ = objects(samples.request())
    assert node_class["subnetSelectorTerms"] == [
        {"tags": {"ai-on-eks/platform": "ai", "aws-cdk:subnet-name": "Private"}}
    ]
    assert node_class["securityGroupSelectorTerms"] == [{"tags": {"aws:eks:cluster-name": "ai"}}]


def test_subnets_of_a_network_that_stands_already_are_named_by_id() -> None:
    ids = {"us-east-1b": "subnet-0bbbbbbb", "us-east-1a": "subnet-0aaaaaaa", "us-east-1c": "subnet-0ccccccc"}
    standing = ExistingVpc(vpc_id="vpc-0123456789abcdef0", cidr="10.0.0.0/16", private_subnet_ids=ids)
    network = Network(availability_zones=samples.ZONES, existing_vpc=standing)
    node_class, _ = objects(samples.request(), samples.platform(network=network))
    assert node_class["subnetSelectorTerms"] == [
        {"id": "subnet-0aaaaaaa"},
        {"id": "subnet-0bbbbbbb"},
        {"id": "subnet-0ccccccc"},
    ]


def volume(kind: InstanceType, needed_gib: int) -> tuple[dict[str, Any], str | None]:
    node_class, _ = objects(samples.request(kind, root_volume_gib=needed_gib))
    (mapping,) = node_class["blockDeviceMappings"]
    assert (mapping["deviceName"], mapping["rootVolume"]) == ("/dev/xvda", True)
    return mapping["ebs"], node_class.get("instanceStorePolicy")


def test_the_root_volume_is_that_of_a_managed_group_and_local_disks_carry_images_where_they_are_large_enough() -> None:
    encrypted = {"volumeType": "gp3", "encrypted": True, "deleteOnTermination": True, "iops": 3000}
    assert volume(samples.gpu_type(local_nvme_bytes=0), 240) == (
        {**encrypted, "volumeSize": "240Gi", "throughput": 600},
        None,
    )
    assert volume(samples.gpu_type(local_nvme_bytes=250 * 10**9), 120) == (
        {**encrypted, "volumeSize": "50Gi", "throughput": 125},
        "RAID0",
    )
    assert volume(samples.gpu_type(local_nvme_bytes=125 * 10**9), 200)[1] is None


def test_logical_cores_are_written_down_before_the_kubelet_starts_and_disks_are_left_to_karpenter() -> None:
    kind = load_catalog("us-east-1").instance_type("trn2.48xlarge")
    node_class, _ = objects(samples.request(kind))
    assert node_class["instanceStorePolicy"] == "RAID0"
    assert "NEURON_LOGICAL_NC_CONFIG=2" in node_class["userData"]
    assert "localStorage" not in node_class["userData"]
    assert "userData" not in objects(samples.request())[0]


def test_nodes_that_a_replica_spans_have_an_adapter_on_each_card_and_others_have_none() -> None:
    kind = load_catalog("us-east-1").instance_type("p5.48xlarge")
    node_class, pool = objects(samples.request(kind, efa=True, zones=("us-east-1a",)))
    first, second, third, *rest = node_class["networkInterfaces"]
    assert first == {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"}
    assert second == {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"}
    assert third == {"networkCardIndex": 1, "deviceIndex": 0, "interfaceType": "efa-only"}
    assert len(rest) == 30
    assert pool["template"]["metadata"]["labels"]["ai-on-eks/efa"] == "present"
    assert "networkInterfaces" not in objects(samples.request(kind))[0]


def fabric(**changes: Any) -> CapacityRequest:
    kind = load_catalog("us-east-1").instance_type("p5.48xlarge")
    return samples.request(kind, **{"efa": True, "zones": ("us-east-1a",), **changes})


def test_nodes_that_a_replica_spans_stand_in_the_placement_group_of_their_pool_and_others_where_there_is_room() -> None:
    assert objects(fabric())[0]["placementGroupSelector"] == {"name": GROUP}
    assert "placementGroupSelector" not in objects(fabric(efa=False))[0]
    assert "placementGroupSelector" not in objects(fabric(reservation_id=RESERVATION))[0]


def test_reserved_nodes_stand_in_the_placement_group_that_they_were_reserved_in() -> None:
    made = Reservation(id=RESERVATION, instance_type="p5.48xlarge", count=2, zone="us-east-1a", placement_group="ours")
    spec = capacity_spec(fabric(reservation_id=RESERVATION, efa=False), samples.ZONES)
    node_class, _ = karpenter_objects(samples.platform(), [reserved_spec(spec, [made])]).values()
    assert node_class["spec"]["placementGroupSelector"] == {"name": "ours"}


def test_nodes_wait_for_the_name_of_their_placement_group() -> None:
    waiting, ready = capacity_spec(fabric(), samples.ZONES), capacity_spec(samples.request(), samples.ZONES)
    assert list(karpenter_objects(samples.platform(), [waiting, ready])) == [
        "NodeClass-g6e-xlarge",
        "NodePool-g6e-xlarge",
    ]


def test_containers_on_nodes_with_adapters_may_lock_memory_without_limit() -> None:
    node_class, _ = objects(fabric())
    assert "LimitMEMLOCK=infinity" in node_class["userData"]
    assert "userData" not in objects(fabric(efa=False))[0]
    assert "MEMLOCK" not in objects(fabric(), BOTTLEROCKET)[0]["userData"]


def test_everything_a_node_costs_carries_the_platforms_tags() -> None:
    node_class, _ = objects(samples.request())
    assert node_class["tags"] == {"ai-on-eks/platform": "ai", "team": "ml", "Name": "ai-g6e-xlarge"}


def test_tags_by_which_karpenter_knows_its_nodes_are_refused_all_at_once() -> None:
    tags = {"karpenter.sh/nodepool": "x", "kubernetes.io/cluster/other": "owned", "team": "ml"}
    with pytest.raises(InputError) as caught:
        objects(samples.request(), samples.platform(tags=tags))
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("bad-tag", "tags.karpenter.sh/nodepool"),
        ("bad-tag", "tags.kubernetes.io/cluster/other"),
    ]


def test_divided_nodes_say_how() -> None:
    _, pool = objects(samples.request(partition=Partition("slices-4", 4, GIB, 0.25, None)))
    assert pool["template"]["metadata"]["labels"]["nvidia.com/device-plugin.config"] == "slices-4"


BOTTLEROCKET = samples.platform(capacity=Capacity(operating_system=OperatingSystem.BOTTLEROCKET))


def test_on_bottlerocket_images_lie_on_the_second_volume_which_is_the_one_that_is_sized() -> None:
    without_disks = load_catalog("us-east-1").instance_type("c7i.2xlarge")
    node_class, _ = objects(samples.request(without_disks, root_volume_gib=240), BOTTLEROCKET)
    system, data = node_class["blockDeviceMappings"]
    assert (system["deviceName"], system["ebs"]["volumeSize"], "rootVolume" in system) == ("/dev/xvda", "4Gi", False)
    assert (data["deviceName"], data["ebs"]["volumeSize"], data["rootVolume"]) == ("/dev/xvdb", "240Gi", True)
    assert system["ebs"]["encrypted"] is data["ebs"]["encrypted"] is True


def test_bottlerocket_is_told_by_its_own_settings_and_of_a_dated_image() -> None:
    kind = load_catalog("us-east-1").instance_type("trn2.48xlarge")
    node_class, _ = objects(samples.request(kind), BOTTLEROCKET)
    family, version = node_class["amiSelectorTerms"][0]["alias"].split("@")
    assert (family, version[0]) == ("bottlerocket", "v")
    settings = tomllib.loads(node_class["userData"])["settings"]
    assert settings["kubernetes"]["device-ownership-from-security-context"] is True
    assert node_class["instanceStorePolicy"] == "RAID0"
    assert "ephemeral-storage" not in node_class["userData"]


def test_bottlerocket_divides_by_its_settings_and_not_by_a_label() -> None:
    kind = load_catalog("us-east-1").instance_type("g6e.xlarge")
    divided = samples.request(kind, partition=Partition("slices-4", 4, GIB, 0.25, None))
    node_class, pool = objects(divided, BOTTLEROCKET)
    assert "nvidia.com/device-plugin.config" not in pool["template"]["metadata"]["labels"]
    assert "time-slicing" in node_class["userData"]


def test_a_class_comes_before_the_pool_that_names_it() -> None:
    specs = [capacity_spec(samples.request(name=name), samples.ZONES) for name in ("a", "b")]
    found = karpenter_objects(samples.platform(), specs)
    assert list(found) == ["NodeClass-a", "NodePool-a", "NodeClass-b", "NodePool-b"]
    reference = found["NodePool-b"]["spec"]["template"]["spec"]["nodeClassRef"]
    assert reference == {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "b"}
