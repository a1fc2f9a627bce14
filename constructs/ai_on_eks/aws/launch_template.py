"""How a node starts: metadata service, root volume, local disks, tags.

    throughput of the root volume = 600 MiB/s where engine images are unpacked onto it, else gp3's own 125 MiB/s
    I/O per second                = max(3,000; throughput ÷ 0.25 MiB)   EBS gives at most 0.25 MiB/s for each

Where a type has NVMe disks, nodeadm makes one RAID 0 of them and moves containerd and the kubelet there: images then
never touch the root volume and raising it would be money for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from aws_cdk import CfnTag, Fn
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from ai_on_eks.catalog.types import InstanceType

GP3_BASELINE_MIB_PER_SECOND = 125
GP3_BASELINE_IOPS = 3000
GP3_MIB_PER_SECOND_PER_IOPS = 0.25
"""gp3's included performance and the ratio it enforces (EBS user guide, "General Purpose SSD volumes", 2026-11)."""

IMAGE_UNPACK_MIB_PER_SECOND = 600
"""What EKS asks of a root volume before parallel image pulls pay off (EKS user guide, ml-inference-fast, 2026-11).
At the baseline a 10 GiB engine image takes 80 s only to be written."""

ROOT_DEVICE = "/dev/xvda"
"""Of every AL2023 EKS image."""

HOP_LIMIT = 1
"""A response to a pod crosses one hop more than one to the host, so pods cannot read the node's credentials."""


class NodeLaunchTemplate(Construct):
    """The launch template of one managed node group. It names no image, type, subnet or profile: EKS adds those."""

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
    ) -> None:
        super().__init__(scope, id)
        user_data = node_config(instance_type)
        instance_tags = [CfnTag(key=key, value=value) for key, value in sorted({**tags, "Name": name_tag}.items())]
        self.resource = ec2.CfnLaunchTemplate(
            self,
            "Resource",
            launch_template_data=ec2.CfnLaunchTemplate.LaunchTemplateDataProperty(
                block_device_mappings=[
                    ec2.CfnLaunchTemplate.BlockDeviceMappingProperty(
                        device_name=ROOT_DEVICE, ebs=_root_volume(instance_type, root_volume_gib, large_images)
                    )
                ],
                metadata_options=ec2.CfnLaunchTemplate.MetadataOptionsProperty(
                    http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=HOP_LIMIT
                ),
                tag_specifications=[
                    ec2.CfnLaunchTemplate.TagSpecificationProperty(resource_type=kind, tags=instance_tags)
                    for kind in ("instance", "network-interface", "volume")
                ],
                user_data=Fn.base64(user_data) if user_data else None,
            ),
        )

    @property
    def version(self) -> str:
        """The newest version, so that a changed template reaches the nodes."""
        return self.resource.attr_latest_version_number


def root_volume_performance(instance_type: InstanceType, large_images: bool) -> tuple[int, int]:
    """(I/O per second, MiB per second) of the root volume; the formula stands above."""
    unpacks_on_root = large_images and not instance_type.local_nvme_bytes
    throughput = IMAGE_UNPACK_MIB_PER_SECOND if unpacks_on_root else GP3_BASELINE_MIB_PER_SECOND
    return max(GP3_BASELINE_IOPS, ceil(throughput / GP3_MIB_PER_SECOND_PER_IOPS)), throughput


def node_config(instance_type: InstanceType) -> str | None:
    """nodeadm's configuration as the MIME document EKS merges with its own; None where there is nothing to say."""
    if not instance_type.local_nvme_bytes:
        return None
    return "\n".join(
        (
            "MIME-Version: 1.0",
            'Content-Type: multipart/mixed; boundary="BOUNDARY"',
            "",
            "--BOUNDARY",
            "Content-Type: application/node.eks.aws",
            "",
            "apiVersion: node.eks.aws/v1alpha1",
            "kind: NodeConfig",
            "spec:",
            "  instance:",
            "    localStorage:",
            "      strategy: RAID0",
            "",
            "--BOUNDARY--",
            "",
        )
    )


def _root_volume(instance_type: InstanceType, size_gib: int, large_images: bool) -> ec2.CfnLaunchTemplate.EbsProperty:
    iops, throughput = root_volume_performance(instance_type, large_images)
    return ec2.CfnLaunchTemplate.EbsProperty(
        delete_on_termination=True,
        encrypted=True,  # with the account's EBS key; a key of our own would need a grant for the scaling service
        iops=iops,
        throughput=throughput,
        volume_size=size_gib,
        volume_type="gp3",
    )
