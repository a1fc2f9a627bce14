"""What the emulated CloudFormation knows beyond moto: clusters and node groups that EKS' interface tells of afterwards,
and every other type that moto lacks, recorded with the values it was given.

An emulation: nothing is started, permissions are not asked for, and waiting is not waited for. It refuses more than
moto alone, which skips a type it does not know and takes any value: here the type has to be one of CloudFormation's,
what is asked of it one of its attributes, and its properties, with every reference resolved, what its schema takes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.core.common_models import CloudFormationModel
from moto.ec2.models import ec2_backends
from moto.efs.models import AccessPoint
from moto.eks.models import Cluster, Nodegroup, eks_backends
from moto.ssm.models import Parameter

MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
CHART = "Custom::AWSCDK-EKS-HelmChart"
JSON_PROPERTIES: Mapping[str, str] = {MANIFEST: "Manifest", CHART: "Values"}
"""The custom resources that are known, by CDK's kubectl provider, and which property of theirs has to be JSON."""

IDENTIFIERS: Mapping[str, str] = {
    "AWS::APS::Workspace": "arn:aws:aps:us-east-1:123456789012:workspace/ws-{digest:.32}",
    "AWS::EC2::PlacementGroup": "pg-{digest}",
    "AWS::FSx::DataRepositoryAssociation": "dra-{digest:.17}",
    "AWS::FSx::FileSystem": "fs-{digest:.17}",
}
"""What `Ref` of a recorded resource gives, where other resources check what they are given."""

Properties = dict[str, Any]


class Recorded(CloudFormationModel):
    """A resource that exists for CloudFormation only."""

    __module__ = "moto.cloudformation.recorded"  # moto keeps its models by the second part of this name

    def __init__(self, type_: str, logical_id: str, stack_id: str, properties: Properties) -> None:
        self.type = type_
        self.properties = properties
        digest = hashlib.sha256(f"{stack_id} {logical_id}".encode()).hexdigest()
        self.physical_resource_id = IDENTIFIERS.get(type_, "{name}-{digest:.8}").format(
            name=properties.get("Name", logical_id), digest=digest
        )

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        return "?"

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Mapping[str, Any],
        account_id: str,
        region_name: str,
        **kwargs: Any,
    ) -> Recorded:
        type_, properties = cloudformation_json["Type"], cloudformation_json["Properties"]
        check(type_, kwargs["LogicalId"], properties)
        recorded = Recorded(type_, kwargs["LogicalId"], kwargs["StackId"], properties)
        if make := MADE.get(type_):
            recorded.physical_resource_id = make(properties, account_id, region_name)
        return recorded

    @classmethod
    def update_from_cloudformation_json(cls, *_: Any, **__: Any) -> Recorded:
        raise NotImplementedError("a rehearsal deploys once")

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the resource itself is asked")

    def delete(self, account: str, region: str) -> None:
        """What EKS would tell of afterwards is gone; of other types nobody has told anything."""
        if self.type == "AWS::EKS::Nodegroup":
            cluster, name = self.physical_resource_id.split("/")
            eks_backends[account][region].delete_nodegroup(cluster, name)

    @classmethod
    def has_cfn_attr(cls, _attribute: str) -> bool:
        return True  # asked of the class, which stands for many types; the resource itself answers below

    def is_created(self) -> bool:
        return True

    def get_cfn_attribute(self, attribute: str) -> Any:
        if attribute not in PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", self.type).get_atts:
            raise ValidationError(message=f"Template error: {self.type} has no attribute {attribute}")
        if tell := TOLD.get((self.type, attribute)):
            return tell(self.physical_resource_id)
        value: Any = self.properties
        for step in attribute.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return self._arn if value is None else value

    @property
    def _arn(self) -> str:
        """What stands in for attributes that nobody has described above."""
        if self.physical_resource_id.startswith("arn:"):
            return self.physical_resource_id
        service, resource = self.type.lower().split("::")[1:]
        return f"arn:aws:{service}:us-east-1:123456789012:{resource}/{self.physical_resource_id}"


def check(type_: str, logical_id: str, properties: Properties) -> None:
    """Refuse what CloudFormation would refuse of a resource whose references are resolved."""
    if type_ in JSON_PROPERTIES:
        _check_json(logical_id, properties[JSON_PROPERTIES[type_]] if type_ == MANIFEST else properties.get("Values"))
        return
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", type_).schema
    except ResourceNotFoundError:
        raise ValidationError(message=f"Template format error: Unrecognized resource types: [{type_}]") from None
    for error in Draft7Validator(schema).iter_errors(properties):
        place = "/".join(str(step) for step in error.absolute_path)
        raise ValidationError(message=f"Properties validation failed for {logical_id}: #/{place}: {error.message}")


def _check_json(logical_id: str, text: str | None) -> None:
    try:
        json.loads(text or "{}")
    except ValueError as error:
        raise ValidationError(message=f"{logical_id} is not JSON once its references are resolved: {error}") from None


def make_cluster(properties: Properties, account: str, region: str) -> str:
    network = properties["ResourcesVpcConfig"]
    ec2 = ec2_backends[account][region]
    (vpc,) = {ec2.get_subnet(subnet).vpc_id for subnet in network["SubnetIds"]}
    name: str = properties["Name"]
    group = ec2.create_security_group(f"eks-cluster-sg-{name}", "made by EKS", vpc_id=vpc)
    eks_backends[account][region].create_cluster(
        name=name,
        role_arn=properties["RoleArn"],
        resources_vpc_config={
            "subnetIds": network["SubnetIds"],
            "vpcId": vpc,
            "clusterSecurityGroupId": group.id,
            "endpointPublicAccess": network.get("EndpointPublicAccess", True),
            "endpointPrivateAccess": network.get("EndpointPrivateAccess", False),
        },
        version=properties["Version"],
    )
    return name


def make_node_group(properties: Properties, account: str, region: str) -> str:
    sizes, template = properties["ScalingConfig"], properties["LaunchTemplate"]
    cluster: str = properties["ClusterName"]
    versions = ec2_backends[account][region].describe_launch_templates(template_ids=[template["Id"]])[0].versions
    if int(template["Version"]) not in range(1, len(versions) + 1):
        raise ValidationError(message=f"launch template {template['Id']} has no version {template['Version']}")
    # EKS itself makes up a name from the cluster's and a random part where none is given
    name = properties.get("NodegroupName") or f"{cluster}-{template['Id']}"
    eks_backends[account][region].create_nodegroup(
        cluster_name=cluster,
        node_role=properties["NodeRole"],
        nodegroup_name=name,
        subnets=properties["Subnets"],
        scaling_config={key[0].lower() + key[1:]: int(value) for key, value in sizes.items()},
        instance_types=properties["InstanceTypes"],
        ami_type=properties["AmiType"],
        labels=properties.get("Labels"),
        taints=properties.get("Taints"),
        launch_template={"id": template["Id"]},
        capacity_type=properties.get("CapacityType"),
    )
    return f"{cluster}/{name}"


def _cluster(name: str) -> Cluster:
    (found,) = (
        regional.clusters[name]
        for backend in eks_backends.values()
        for regional in backend.values()
        if name in regional.clusters
    )
    return found


def _node_group(identifier: str) -> Nodegroup:
    cluster, name = identifier.split("/")
    return _cluster(cluster).nodegroups[name]


MADE: Mapping[str, Callable[[Properties, str, str], str]] = {
    "AWS::EKS::Cluster": make_cluster,
    "AWS::EKS::Nodegroup": make_node_group,
}
"""Types that are made for EKS' own interface as well; the answer is what `Ref` gives."""

TOLD: Mapping[tuple[str, str], Callable[[str], Any]] = {
    ("AWS::APS::Workspace", "PrometheusEndpoint"): lambda arn: (
        f"https://aps-workspaces.us-east-1.amazonaws.com/workspaces/{arn.rsplit('/')[-1]}/"
    ),
    ("AWS::EKS::Cluster", "Arn"): lambda name: _cluster(name).arn,
    ("AWS::EKS::Cluster", "ClusterSecurityGroupId"): lambda name: _cluster(name).resources_vpc_config[
        "clusterSecurityGroupId"
    ],
    ("AWS::EKS::Cluster", "Endpoint"): lambda name: _cluster(name).endpoint,
    ("AWS::EKS::Cluster", "OpenIdConnectIssuerUrl"): lambda name: _cluster(name).identity["oidc"]["issuer"],
    ("AWS::EKS::Nodegroup", "Arn"): lambda identifier: _node_group(identifier).arn,
    ("AWS::FSx::FileSystem", "DNSName"): lambda identifier: f"{identifier}.fsx.us-east-1.amazonaws.com",
    ("AWS::FSx::FileSystem", "LustreMountName"): lambda identifier: identifier[-8:],
}
"""Attributes by type whose values are more than a placeholder."""


def install() -> None:
    """Put the types into moto's CloudFormation."""
    known, create = parsing.resource_class_from_type, Parameter.create_from_cloudformation_json

    def class_of(type_: str) -> type[CloudFormationModel]:
        in_moto = type_ in parsing.get_model_map() or type_ in parsing.NULL_MODELS
        return known(type_) if in_moto else Recorded

    def parameter(_: type[Parameter], /, name: str, resource: Any, *where: str, **about: Any) -> Parameter:
        resource["Properties"].setdefault("Name", name)  # as CloudFormation does
        return create(name, resource, *where, **about)

    def access_point_attribute(access_point: AccessPoint, attribute: str) -> str:
        values = {"AccessPointId": access_point.access_point_id, "Arn": access_point.access_point_arn}
        return str(values[attribute])

    for owner, name, replacement in (
        (parsing, "resource_class_from_type", class_of),
        (Parameter, "create_from_cloudformation_json", classmethod(parameter)),
        (AccessPoint, "get_cfn_attribute", access_point_attribute),
    ):
        setattr(owner, name, replacement)
