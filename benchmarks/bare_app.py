"""The default platform's resources without this package: what benchmarks/synth.py compares with.

    cdk synth --app "python benchmarks/bare_app.py TEMPLATES" --output OUTDIR

Read from the templates that a synth of ours wrote: what has a construct of the library's own is made by it, everything
else by a plain `CfnResource`.
"""

import json
import sys
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnParameter, CfnResource, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.lambda_layer_kubectl_v36 import KubectlV36Layer

REFERENCE = {"Ref": "Reference"}
OBJECTS, CHART = "Custom::AWSCDK-EKS-KubernetesResource", "Custom::AWSCDK-EKS-HelmChart"

folder = Path(sys.argv[1])
templates = {
    path.name.split(".")[0].rsplit("-", 1)[1]: json.loads(path.read_text(encoding="utf-8"))
    for path in folder.glob("*.template.json")
}
app = App(analytics_reporting=False)
stacks = {name: Stack(app, name) for name in sorted(templates)}
for stack in stacks.values():
    CfnParameter(stack, "Reference")


def of(name: str, *types: str) -> list[tuple[str, dict[str, Any]]]:
    """Properties of a stack's resources of these types, by logical id."""
    resources = templates[name]["Resources"].items()
    return [(key, one.get("Properties", {})) for key, one in resources if one["Type"] in types]


def literal(value: Any) -> Any:
    """A parameter in the place of each reference: what it names has another logical id here, if it is there at all."""
    if isinstance(value, list):
        return [literal(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() & {"Ref", "Fn::GetAtt", "Fn::ImportValue"}:
        return value if str(value.get("Ref", "")).startswith("AWS::") else REFERENCE
    return {key: literal(one) for key, one in value.items()}


def plain(name: str, *types: str) -> None:
    for kind in types:
        for key, properties in of(name, kind):
            CfnResource(stacks[name], key, type=kind, properties=literal(properties))


def text(value: Any) -> str:
    """A joined text with a word in the place of each reference."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else "reference" for part in value["Fn::Join"][1])


vpc = ec2.Vpc(
    stacks["network"],
    "Vpc",
    availability_zones=["us-east-1a", "us-east-1b", "us-east-1c"],
    nat_gateways=1,
    restrict_default_security_group=False,
    gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
)
flows = logs.LogGroup(stacks["network"], "Flows")
vpc.add_flow_log("FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(flows))
layer = KubectlV36Layer(stacks["cluster"], "Layer")
cluster: Any = eks.Cluster(
    stacks["cluster"],
    "Cluster",
    vpc=vpc,
    version=eks.KubernetesVersion.of("1.36"),
    secrets_encryption_key=kms.Key(stacks["cluster"], "Key"),
    default_capacity_type=eks.DefaultCapacityType.NODEGROUP,
    default_capacity=0,
    kubectl_provider_options=eks.KubectlProviderOptions(kubectl_layer=layer),
)
s3.Bucket(stacks["storage"], "Bucket", encryption=s3.BucketEncryption.KMS, enforce_ssl=True, versioned=True)
plain("cluster", "AWS::EKS::Addon")
logs.LogGroup(stacks["cluster"], "ControlPlane")
iam.Role(stacks["cluster"], "CniRole", assumed_by=iam.ServicePrincipal("pods.eks.amazonaws.com"))
plain("capacity", "AWS::IAM::Role", "AWS::EC2::LaunchTemplate", "AWS::EKS::Nodegroup", "AWS::EC2::SecurityGroup")
plain("addons", "AWS::EKS::Addon", "AWS::IAM::Role")
plain("storage", "AWS::IAM::Role", "AWS::IAM::Policy", "AWS::EKS::PodIdentityAssociation")
for unit in ("addons", "serving"):
    for key, properties in of(unit, OBJECTS):
        manifest = json.loads(text(properties["Manifest"]))
        eks.KubernetesManifest(stacks[unit], key, cluster=cluster, manifest=manifest)
    for key, properties in of(unit, CHART):
        eks.HelmChart(
            stacks[unit],
            key,
            cluster=cluster,
            chart=properties["Chart"],
            repository=properties["Repository"],
            version=properties["Version"],
            values=json.loads(text(properties["Values"])),
        )
app.synth()
