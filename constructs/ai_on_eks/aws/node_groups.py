"""Nodes: a managed node group for cluster services, and one per capacity the plans ask for.

    minimum = desired = maximum = nodes of the plan

Nothing scales these groups, so a larger maximum would only allow what nobody planned or priced. An update therefore
replaces a node in place (strategy MINIMAL, one at a time): the other strategy starts a second accelerated instance
first, which often cannot be had and is never in the budget.

The L2 node group is not used: it refuses p5, p6, g7e and trn types and gives others the withdrawn Amazon Linux 2.
EKS itself adds the access entry of a managed group's role, and attaches the cluster's security group to nodes whose
launch template names no interface.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct
from msgspec import Struct, field

from ai_on_eks.aws.drain_before_end import DrainBeforeEnd
from ai_on_eks.aws.efa import EfaFabric
from ai_on_eks.aws.gpu_slices import partition_labels
from ai_on_eks.aws.launch_template import NodeLaunchTemplate
from ai_on_eks.aws.network import node_subnets
from ai_on_eks.catalog.mig import bottlerocket_gpu
from ai_on_eks.catalog.taints import (
    CAPACITY_LABEL,
    EFA_LABEL,
    EFA_LABEL_VALUE,
    MODEL_ROLE,
    ROLE_LABEL,
    SYSTEM_ROLE,
    TAINT_VALUE,
    taint_key,
)
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import OperatingSystem
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest

NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",  # joins the cluster; also lets the Pod Identity agent fetch credentials
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",  # a shell by Session Manager instead of SSH keys and an open port
)

CAPACITY_BLOCK = "capacity-block"
CAPACITY_TYPES: Mapping[str, str] = {"on-demand": "ON_DEMAND", "spot": "SPOT", CAPACITY_BLOCK: "CAPACITY_BLOCK"}
"""Descriptor's word to CloudFormation's."""

SYSTEM_ROOT_VOLUME_GIB = 50
"""Add-on images and logs; ten times what the add-ons of this platform pull."""


class NodeGroupSpec(Struct, frozen=True):
    """One managed node group as plain data.

    pool            value of the nodes' capacity label, by which pods find them; several groups can make up a pool
    reservation_id  capacity reservation that the instances are started in; None where they are bought by the hour
    taint_key       None where any pod may land
    labels          further ones: how the accelerators are divided, and that there are adapters
    efa             nodes of the pool exchange over Elastic Fabric Adapters
    partition       how each accelerator is divided; None = whole
    ends            moment in UTC when a capacity block ends; None where nothing ends or nobody said so
    placement_group that the reservation was made in
    most_nodes      that a controller may start; None = those planned
    lustre_over_efa its adapters reach the platform's Lustre file system too
    """

    name: str
    pool: str
    role: str
    instance_type: InstanceType
    capacity_type: str
    nodes: int
    zones: tuple[str, ...]
    root_volume_gib: int
    reservation_id: str | None
    taint_key: str | None
    update_strategy: str
    labels: Mapping[str, str] = field(default_factory=dict)
    efa: bool = False
    system: OperatingSystem = OperatingSystem.AL2023
    partition: Partition | None = None
    ends: str | None = None
    placement_group: str | None = None
    most_nodes: int | None = None
    lustre_over_efa: bool = False

    @property
    def ami_type(self) -> str | None:
        """None where EKS has no image of the system for the type."""
        kind = self.instance_type
        return kind.bottlerocket_ami_type if self.system is OperatingSystem.BOTTLEROCKET else kind.ami_type


class NodeRole(Construct):
    """The IAM role all nodes share. It reads images and joins the cluster; pods have roles of their own."""

    def __init__(self, scope: Construct, id: str) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        self.role = iam.Role(
            self,
            "Resource",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in NODE_POLICIES],
        )


class NodeGroup(Construct):
    """A managed node group with its launch template."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        spec: NodeGroupSpec,
        cluster: eks.ICluster,
        vpc: ec2.IVpc,
        role: iam.IRole,
        platform_name: str,
        tags: Mapping[str, str],
        fabric: EfaFabric | None = None,
    ) -> None:
        super().__init__(scope, id)
        template = NodeLaunchTemplate(
            self,
            "LaunchTemplate",
            name_tag=f"{platform_name}-{spec.name}",
            instance_type=spec.instance_type,
            root_volume_gib=spec.root_volume_gib,
            large_images=spec.role == MODEL_ROLE,
            tags=tags,
            reservation_id=spec.reservation_id,
            capacity_block=spec.capacity_type == CAPACITY_BLOCK,
            fabric=fabric,
            system=spec.system,
            partition=spec.partition,
            placement_group=spec.placement_group,
            lustre_over_efa=spec.lustre_over_efa,
        )
        self.resource = eks.CfnNodegroup(
            self,
            "Resource",
            cluster_name=cluster.cluster_name,
            node_role=role.role_arn,
            subnets=[subnet.subnet_id for subnet in private_subnets(vpc, spec.zones)],
            ami_type=spec.ami_type,
            # a block's template has to name the type itself, and only one of the two may
            instance_types=None if spec.capacity_type == CAPACITY_BLOCK else [spec.instance_type.name],
            capacity_type=CAPACITY_TYPES[spec.capacity_type],
            scaling_config=eks.CfnNodegroup.ScalingConfigProperty(
                # a capacity block is drained to nothing before it ends
                min_size=0 if spec.capacity_type == CAPACITY_BLOCK else spec.nodes,
                desired_size=spec.nodes,
                max_size=spec.nodes,
            ),
            update_config=eks.CfnNodegroup.UpdateConfigProperty(
                max_unavailable=1, update_strategy=spec.update_strategy
            ),
            launch_template=eks.CfnNodegroup.LaunchTemplateSpecificationProperty(
                id=template.resource.ref, version=template.version
            ),
            labels={ROLE_LABEL: spec.role, CAPACITY_LABEL: spec.pool, **spec.labels},
            taints=_taints(spec),
            node_repair_config=eks.CfnNodegroup.NodeRepairConfigProperty(enabled=True),
            force_update_enabled=False,  # an update waits for disruption budgets instead of breaking them
        )
        if spec.ends is not None:
            DrainBeforeEnd(self, "DrainBeforeEnd", group=self.resource, ends=spec.ends)


def system_spec(
    instance_type: InstanceType,
    nodes: int,
    zones: Sequence[str],
    system: OperatingSystem = OperatingSystem.AL2023,
) -> NodeGroupSpec:
    """The group that runs cluster services."""
    return _checked(
        NodeGroupSpec(
            name=SYSTEM_ROLE,
            pool=SYSTEM_ROLE,
            role=SYSTEM_ROLE,
            instance_type=instance_type,
            capacity_type="on-demand",
            nodes=nodes,
            zones=tuple(zones),
            root_volume_gib=SYSTEM_ROOT_VOLUME_GIB,
            reservation_id=None,
            taint_key=None,
            update_strategy="DEFAULT",
            system=system,
        ),
        path="capacity.system_nodes",
    )


def capacity_spec(
    request: CapacityRequest, platform_zones: Sequence[str], system: OperatingSystem = OperatingSystem.AL2023
) -> NodeGroupSpec:
    """The group for one capacity request, kept free for models by its taint."""
    offered = tuple(zone for zone in platform_zones if zone in request.zones)
    return _checked(
        NodeGroupSpec(
            name=request.name,
            pool=request.pool,
            role=MODEL_ROLE,
            instance_type=request.instance_type,
            capacity_type=request.capacity_type,
            nodes=request.nodes,
            zones=offered,
            root_volume_gib=request.root_volume_gib,
            reservation_id=request.reservation_id,
            taint_key=taint_key(request.instance_type),
            update_strategy="MINIMAL",
            labels=_labels(request, system),
            efa=request.efa,
            system=system,
            partition=request.partition,
            most_nodes=request.most_nodes,
        ),
        path=f"capacity request {request.name}",
    )


def _labels(request: CapacityRequest, system: OperatingSystem) -> dict[str, str]:
    divided: dict[str, str] = {}
    if request.partition is not None and system is not OperatingSystem.BOTTLEROCKET:  # which is told when it starts
        divided = partition_labels(request.partition)
    return divided | ({EFA_LABEL: EFA_LABEL_VALUE} if request.efa else {})


def private_subnets(vpc: ec2.IVpc, zones: Sequence[str]) -> list[ec2.ISubnet]:
    """The private subnets in these zones, in the VPC's order."""
    return [subnet for subnet in node_subnets(vpc) if subnet.availability_zone in zones]


def _taints(spec: NodeGroupSpec) -> list[eks.CfnNodegroup.TaintProperty] | None:
    if spec.taint_key is None:
        return None
    return [eks.CfnNodegroup.TaintProperty(key=spec.taint_key, value=TAINT_VALUE, effect="NO_SCHEDULE")]


def _can_divide(spec: NodeGroupSpec) -> bool:
    if spec.system is not OperatingSystem.BOTTLEROCKET or spec.partition is None or spec.partition.mig_profile is None:
        return True
    accelerator = spec.instance_type.accelerator
    return accelerator is not None and bottlerocket_gpu(accelerator.name) is not None


def _checked(spec: NodeGroupSpec, *, path: str) -> NodeGroupSpec:
    """`spec`, or InputError with everything about it that cfn-lint would let pass."""
    problems = []
    name = spec.instance_type.name
    if spec.ami_type is None:
        problems.append(
            Problem(
                code="node-image-unknown",
                message=f"EKS has no {spec.system.value} image for {name}",
                path=path,
                value=name,
                fix="choose a type for which `ai-on-eks catalog show` names an image",
            )
        )
    if not _can_divide(spec):
        problems.append(
            Problem(
                code="mig-not-possible",
                message=f"{spec.system.value} does not divide the GPUs of {name} by MIG",
                path=path,
                value=name,
                fix="set capacity.operating_system to al2023, or leave mig out of constraints.accelerator_sharing",
            )
        )
    if not spec.zones:
        problems.append(
            Problem(
                code="capacity-no-zone",
                message=f"none of the platform's zones offers {name}",
                path=path,
                value=name,
                fix="add a zone to network.availability_zones that offers the type",
            )
        )
    if spec.nodes < 1:
        problems.append(
            Problem(
                code="capacity-no-nodes",
                message=f"{spec.nodes} nodes of {name} cannot serve anything",
                path=path,
                value=spec.nodes,
                fix="ask for at least one node",
            )
        )
    if spec.capacity_type == CAPACITY_BLOCK and spec.reservation_id is None:
        problems.append(
            Problem(
                code="capacity-type-unsupported",
                message=f"{spec.nodes} more nodes of {name} are needed than capacity blocks are named for",
                path=path,
                value=spec.capacity_type,
                fix="name the block in capacity.reservations of the platform file, or set constraints.capacity_type",
            )
        )
    if problems:
        raise InputError(problems)
    return spec
