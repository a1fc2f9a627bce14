"""How a node starts: metadata service, root volume, local disks, tags.

    throughput of the root volume = 600 MiB/s where engine images are unpacked onto it, else gp3's own 125 MiB/s
    I/O per second                = max(3,000; throughput ÷ 0.25 MiB)   EBS gives at most 0.25 MiB/s for each

On Bottlerocket this is the data volume, beside one that the system alone lies on. Where a type's NVMe disks hold what
is needed, the node makes one RAID 0 of them and moves containerd and the kubelet there. Images and weights then never
touch the volume: a larger or faster one would be money for nothing, and one sized by the models would replace every
node of a group whenever a model is added to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from aws_cdk import CfnTag, Fn
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from ai_on_eks.aws.bottlerocket import DATA_DEVICE, OS_DEVICE, bottlerocket_user_data
from ai_on_eks.aws.efa import EfaFabric
from ai_on_eks.aws.user_data import al2023_user_data
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import OperatingSystem
from ai_on_eks.placement.partition import Partition
from ai_on_eks.units import GIB

GP3_BASELINE_MIB_PER_SECOND = 125
GP3_BASELINE_IOPS = 3000
GP3_MIB_PER_SECOND_PER_IOPS = 0.25
"""gp3's included performance and the ratio it enforces (EBS user guide, "General Purpose SSD volumes", 2026-11)."""

IMAGE_UNPACK_MIB_PER_SECOND = 600
"""What EKS asks of a root volume before parallel image pulls pay off (EKS user guide, ml-inference-fast, 2026-11).
At the baseline a 10 GiB engine image takes 80 s only to be written."""

ROOT_VOLUME_BESIDE_LOCAL_DISKS_GIB = 50
"""Operating system and its logs: five times what the accelerated EKS images occupy (amazon-eks-ami, 2026-07)."""

ROOT_DEVICE = "/dev/xvda"
"""Of every AL2023 EKS image."""

HOP_LIMIT = 1
"""A response to a pod crosses one hop more than one to the host, so pods cannot read the node's credentials."""


class NodeLaunchTemplate(Construct):
    """The launch template of one managed node group. It names no image, subnet or profile, no type unless a capacity
    block needs it, and no interface unless the nodes share a fabric: EKS adds those."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        name_tag: str,
        instance_type: InstanceType,
        root_volume_gib: int,
        large_images: bool,
        tags: Mapping[str, str],
        reservation_id: str | None = None,
        capacity_block: bool = False,
        fabric: EfaFabric | None = None,
        system: OperatingSystem = OperatingSystem.AL2023,
        partition: Partition | None = None,
        placement_group: str | None = None,
        lustre_over_efa: bool = False,
    ) -> None:
        super().__init__(scope, id)
        local_disks = uses_local_disks(instance_type, root_volume_gib)
        volume = _volume(
            ROOT_VOLUME_BESIDE_LOCAL_DISKS_GIB if local_disks else root_volume_gib,
            unpacks_images=large_images and not local_disks,
        )
        if system is OperatingSystem.BOTTLEROCKET:
            volumes = {OS_DEVICE: _system_volume(), DATA_DEVICE: volume}
            user_data: str | None = bottlerocket_user_data(
                instance_type, local_disks=local_disks, partition=partition, efa=fabric is not None
            )
        else:
            volumes = {ROOT_DEVICE: volume}
            user_data = al2023_user_data(
                instance_type, local_disks=local_disks, efa=fabric is not None, lustre_over_efa=lustre_over_efa
            )
        instance_tags = [CfnTag(key=key, value=value) for key, value in sorted({**tags, "Name": name_tag}.items())]
        self.resource = ec2.CfnLaunchTemplate(
            self,
            "Resource",
            launch_template_data=ec2.CfnLaunchTemplate.LaunchTemplateDataProperty(
                block_device_mappings=[
                    ec2.CfnLaunchTemplate.BlockDeviceMappingProperty(device_name=device, ebs=ebs)
                    for device, ebs in volumes.items()
                ],
                metadata_options=ec2.CfnLaunchTemplate.MetadataOptionsProperty(
                    http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=HOP_LIMIT
                ),
                tag_specifications=[
                    ec2.CfnLaunchTemplate.TagSpecificationProperty(resource_type=kind, tags=instance_tags)
                    for kind in ("instance", "network-interface", "volume")
                ],
                user_data=Fn.base64(user_data) if user_data else None,
                capacity_reservation_specification=_reservation(reservation_id),
                # EKS starts instances in a block only by a template that says so and names their type
                instance_market_options=ec2.CfnLaunchTemplate.InstanceMarketOptionsProperty(
                    market_type="capacity-block"
                )
                if capacity_block
                else None,
                instance_type=instance_type.name if capacity_block else None,
                network_interfaces=fabric.interfaces(instance_type, to_lustre=lustre_over_efa) if fabric else None,
                placement=_placement(fabric, reservation_id, placement_group),
            ),
        )

    @property
    def version(self) -> str:
        """The newest version, so that a changed template reaches the nodes."""
        return self.resource.attr_latest_version_number


def uses_local_disks(instance_type: InstanceType, needed_gib: int) -> bool:
    """Whether the type's own disks hold what the pods and images of one node need."""
    return instance_type.local_nvme_bytes >= needed_gib * GIB


def root_volume_performance(*, unpacks_images: bool) -> tuple[int, int]:
    """(I/O per second, MiB per second) of the root volume; the formula stands above."""
    throughput = IMAGE_UNPACK_MIB_PER_SECOND if unpacks_images else GP3_BASELINE_MIB_PER_SECOND
    return max(GP3_BASELINE_IOPS, ceil(throughput / GP3_MIB_PER_SECOND_PER_IOPS)), throughput


def _placement(
    fabric: EfaFabric | None, reservation_id: str | None, placement_group: str | None
) -> ec2.CfnLaunchTemplate.PlacementProperty | None:
    """Where a reservation was made in a placement group, its instances start in no other place."""
    if placement_group is not None:
        return ec2.CfnLaunchTemplate.PlacementProperty(group_name=placement_group)
    return fabric.placement(reservation_id) if fabric else None


def _reservation(
    reservation_id: str | None,
) -> ec2.CfnLaunchTemplate.CapacityReservationSpecificationProperty | None:
    """Only this reservation: an instance that finds no room there is not started, instead of being bought silently."""
    if reservation_id is None:
        return None
    target = ec2.CfnLaunchTemplate.CapacityReservationTargetProperty(capacity_reservation_id=reservation_id)
    return ec2.CfnLaunchTemplate.CapacityReservationSpecificationProperty(capacity_reservation_target=target)


def _system_volume() -> ec2.CfnLaunchTemplate.EbsProperty:
    """As large as the image: nothing is ever written to it."""
    return ec2.CfnLaunchTemplate.EbsProperty(delete_on_termination=True, encrypted=True, volume_type="gp3")


def _volume(size_gib: int, *, unpacks_images: bool) -> ec2.CfnLaunchTemplate.EbsProperty:
    iops, throughput = root_volume_performance(unpacks_images=unpacks_images)
    return ec2.CfnLaunchTemplate.EbsProperty(
        delete_on_termination=True,
        encrypted=True,  # with the account's EBS key; a key of our own would need a grant for the scaling service
        iops=iops,
        throughput=throughput,
        volume_size=size_gib,
        volume_type="gp3",
    )
