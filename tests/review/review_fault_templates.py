"""Planted faults in CloudFormation resources."""

from __future__ import annotations

from typing import Any

import review_samples as samples
from review_fault_storage import STORAGE_FAULTS
from review_faults import GONE, Fault, added, changed, put, without
from review_sample import Sample
from review_samples import one

CLUSTER, GROUP, TEMPLATE = "AWS::EKS::Cluster", "AWS::EKS::Nodegroup", "AWS::EC2::LaunchTemplate"
BUCKET, ROLE, POLICY = "AWS::S3::Bucket", "AWS::IAM::Role", "AWS::IAM::Policy"
HELM = "Custom::AWSCDK-EKS-HelmChart"

LLAMA_ROLE = "llamareaderRole970A744B"
LLAMA_POLICY = "llamareaderRoleDefaultPolicy932D588C"
TRUST = "Properties.AssumeRolePolicyDocument.Statement.0"
ALLOWED = "Properties.PolicyDocument.Statement.0"
AUTO, FAR = samples.automatic, samples.distributed


def logs(*kinds: str) -> dict[str, Any]:
    return {"ClusterLogging": {"EnabledTypes": [{"Type": kind} for kind in kinds]}}


def gpu_group(code: str, path: str, *values: Any) -> list[Fault]:
    return changed(code, GROUP, f"Properties.{path}", *values, name="g6exlarge648D5CF9")


def gpu_launch(code: str, path: str, *values: Any) -> list[Fault]:
    where = f"Properties.LaunchTemplateData.{path}"
    return changed(code, TEMPLATE, where, *values, name="g6exlargeLaunchTemplate5432CF51")


def block_group(code: str, path: str, *values: Any) -> list[Fault]:
    return changed(code, GROUP, f"Properties.{path}", *values, sample=FAR)


def block_launch(code: str, path: str, *values: Any) -> list[Fault]:
    return changed(code, TEMPLATE, f"Properties.LaunchTemplateData.{path}", *values, sample=FAR)


def values_of_operator(**changes: Any) -> Any:
    """The GPU operator with these values alone."""
    import json  # noqa: PLC0415 - used here only

    def plant(good: Sample) -> None:
        put(good.resource(HELM), "Properties.Values", json.dumps(changes))

    return plant


def neuron_chart(values: str) -> dict[str, Any]:
    return one(HELM, {"Chart": "neuron-helm-chart", "Version": "1.10.0", "Timeout": "600s", "Values": values})


def on_bottlerocket(good: Sample) -> None:
    put(good.resource(GROUP, "g6exlarge648D5CF9"), "Properties.AmiType", "BOTTLEROCKET_x86_64_NVIDIA")
    template = good.resource(TEMPLATE, "g6exlargeLaunchTemplate5432CF51")
    put(template, "Properties.LaunchTemplateData.BlockDeviceMappings.0.DeviceName", "/dev/xvdb")
    put(template, "Properties.LaunchTemplateData.UserData", GONE)


def divided_by_both(good: Sample) -> None:
    on_bottlerocket(good)
    off = {"enabled": False}
    values_of_operator(driver=off, toolkit=off, devicePlugin=off, migManager={"enabled": True})(good)


CLUSTER_FAULTS = [
    *changed("eks-endpoint-open", CLUSTER, "Properties.ResourcesVpcConfig.EndpointPublicAccess", True, GONE),
    Fault(
        "eks-endpoint-open",
        "one of two networks is everywhere",
        samples.ours,
        lambda good: good.resource(CLUSTER)["Properties"]["ResourcesVpcConfig"].update(
            EndpointPublicAccess=True, PublicAccessCidrs=["198.51.100.0/24", "0.0.0.0/0"]
        ),
    ),
    *changed("eks-endpoint-not-private", CLUSTER, "Properties.ResourcesVpcConfig.EndpointPrivateAccess", False, GONE),
    *changed(
        "eks-logs-missing", CLUSTER, "Properties.Logging", GONE, {}, logs("api"), logs("api", "audit", "scheduler")
    ),
    *changed("eks-secrets-key-missing", CLUSTER, "Properties.EncryptionConfig", GONE, []),
    *changed("eks-deletable", CLUSTER, "Properties.DeletionProtection", GONE, False),
    *changed("stateful-not-retained", CLUSTER, "DeletionPolicy", GONE, "Delete"),
    *changed("stateful-not-retained", CLUSTER, "UpdateReplacePolicy", GONE),
    *changed(
        "eks-authentication-mode", CLUSTER, "Properties.AccessConfig.AuthenticationMode", GONE, "API_AND_CONFIG_MAP"
    ),
    *changed(
        "eks-creator-admin", CLUSTER, "Properties.AccessConfig.BootstrapClusterCreatorAdminPermissions", GONE, True
    ),
    *changed("eks-version-unknown", CLUSTER, "Properties.Version", "1.99", "1.26", GONE),
    *changed("eks-auto-mode-half", CLUSTER, "Properties.ComputeConfig.Enabled", True),
    *changed("eks-auto-mode-half", CLUSTER, "Properties.StorageConfig", GONE, sample=AUTO),
    *changed("eks-auto-mode-half", CLUSTER, "Properties.KubernetesNetworkConfig", GONE, sample=AUTO),
    *changed("eks-auto-mode-half", CLUSTER, "Properties.ComputeConfig.NodeRoleArn", GONE, sample=AUTO),
    *changed("eks-auto-mode-half", CLUSTER, "Properties.ComputeConfig.NodePools", [], sample=AUTO),
    *changed("eks-auto-mode-pool-unknown", CLUSTER, "Properties.ComputeConfig.NodePools", ["gpu"], sample=AUTO),
    *changed("eks-addon-unknown", "AWS::EKS::Addon", "Properties.AddonName", "vpc-cin", "pod-identity-agent"),
    added(
        "eks-addon-twice",
        samples.ours,
        "the Pod Identity agent again",
        Again=one("AWS::EKS::Addon", {"AddonName": "eks-pod-identity-agent", "ClusterName": {"Fn::ImportValue": "x"}}),
    ),
    *changed(
        "eks-access-group-reserved",
        "AWS::EKS::AccessEntry",
        "Properties.KubernetesGroups",
        ["system:masters"],
        sample=FAR,
    ),
]

NODE_FAULTS = [
    *gpu_group("node-type-unknown", "InstanceTypes", ["g6e.xlarg"], ["p6-b200.96xlarge"], ["m99.huge"]),
    *block_group("node-type-twice", "InstanceTypes", ["p5en.48xlarge"]),
    *gpu_group("node-types-mixed", "InstanceTypes", ["g6e.xlarge", "g5.xlarge"], ["g6e.xlarge", "g6e.12xlarge"]),
    *gpu_group("node-image-implicit", "AmiType", GONE),
    *gpu_group("node-image-unknown", "AmiType", "AL2023_X86_64_NVIDIA"),
    *gpu_group(
        "node-image-mismatch", "AmiType", "AL2023_x86_64_STANDARD", "AL2023_x86_64_NEURON", "BOTTLEROCKET_x86_64"
    ),
    *gpu_group("node-image-mismatch", "AmiType", "AL2023_ARM_64_NVIDIA"),
    *gpu_group(
        "node-image-mismatch", "InstanceTypes", ["trn2.48xlarge"], ["inf2.xlarge"], ["m7i.large"], ["g5g.xlarge"]
    ),
    *block_launch("node-image-mismatch", "InstanceType", "trn1.32xlarge"),
    *changed(
        "node-image-mismatch",
        GROUP,
        "Properties.AmiType",
        "AL2023_ARM_64_STANDARD",
        "AL2023_x86_64_NVIDIA",
        name="system907CC220",
    ),
    *gpu_group("node-scaling-contradiction", "ScalingConfig", {"MinSize": 3, "DesiredSize": 3, "MaxSize": 1}),
    *gpu_group("node-scaling-contradiction", "ScalingConfig.DesiredSize", 0, 2, "9"),
    *gpu_group("node-update-forced", "ForceUpdateEnabled", True),
    *gpu_group("node-taint-missing", "Taints", GONE, []),
    *gpu_group("node-update-ambiguous", "UpdateConfig.MaxUnavailablePercentage", 10),
    *gpu_group("node-market-mismatch", "CapacityType", "CAPACITY_BLOCK"),
    *gpu_launch(
        "node-market-mismatch", "InstanceMarketOptions", {"MarketType": "spot"}, {"MarketType": "capacity-block"}
    ),
    *block_group("node-market-mismatch", "CapacityType", "ON_DEMAND", GONE),
    *block_launch("node-market-mismatch", "InstanceMarketOptions", GONE),
    *block_group("node-capacity-block", "Subnets", ["subnet-1", "subnet-2"]),
    *block_group("node-capacity-block", "ScalingConfig.MinSize", 1, "2"),
    *block_group("node-capacity-block", "LaunchTemplate", GONE),
    *block_launch("node-capacity-block", "CapacityReservationSpecification", GONE),
    *block_launch("node-capacity-block", "InstanceType", GONE),
    *gpu_group("node-repair-off", "NodeRepairConfig", GONE, {"Enabled": False}),
    Fault(
        "node-image-withdrawn",
        "Amazon Linux 2",
        samples.ours,
        lambda good: put(good.resource(GROUP, "g6exlarge648D5CF9"), "Properties.AmiType", "AL2_x86_64_GPU"),
    ),
]

START_FAULTS = [
    *changed(
        "node-user-data-system",
        TEMPLATE,
        "Properties.LaunchTemplateData.UserData",
        {"Fn::Base64": "MIME-Version: 1.0\nContent-Type: multipart/mixed\n"},
        {"Fn::Base64": "#!/bin/bash\necho hello\n"},
        sample=samples.bottlerocket,
    ),
    *gpu_launch("node-user-data-system", "UserData", {"Fn::Base64": "[settings.kubernetes]\nmax-pods = 58\n"}),
    *changed(
        "node-data-volume",
        TEMPLATE,
        "Properties.LaunchTemplateData.BlockDeviceMappings.1",
        GONE,
        sample=samples.bottlerocket,
    ),
    *changed(
        "node-neuron-ownership",
        TEMPLATE,
        "Properties.LaunchTemplateData.UserData",
        GONE,
        {"Fn::Base64": "[settings.kubernetes]\nmax-pods = 58\n"},
        {"Fn::Base64": "[settings.kubernetes]\ndevice-ownership-from-security-context = false\n"},
        sample=samples.bottlerocket,
    ),
    *block_launch("node-locked-memory", "UserData", GONE, {"Fn::Base64": "#!/bin/bash\necho hello\n"}),
]

LAUNCH_FAULTS = [
    *gpu_launch("node-metadata-open", "MetadataOptions", GONE),
    *gpu_launch("node-metadata-open", "MetadataOptions.HttpPutResponseHopLimit", GONE, 2),
    *gpu_launch("node-metadata-open", "MetadataOptions.HttpTokens", GONE, "optional"),
    *gpu_launch("node-volume-unencrypted", "BlockDeviceMappings.0.Ebs.Encrypted", GONE, False),
    *gpu_launch("node-volume-implicit", "BlockDeviceMappings", GONE, []),
    *gpu_launch("node-volume-throughput", "BlockDeviceMappings.0.Ebs.Throughput", 1000),
    *block_launch("node-volume-throughput", "BlockDeviceMappings.0.Ebs.Iops", GONE, 3000),
    *block_launch("launch-type-unknown", "InstanceType", "p5en.48xlarg"),
    *gpu_launch("launch-setting-rejected", "IamInstanceProfile", {"Name": "node"}),
    *gpu_launch("launch-setting-rejected", "HibernationOptions", {"Configured": True}),
    *block_launch("launch-setting-rejected", "NetworkInterfaces.0.SubnetId", "subnet-1"),
    *block_launch("node-public-address", "NetworkInterfaces.0.AssociatePublicIpAddress", True),
    *block_launch("efa-interface-type", "NetworkInterfaces.0.InterfaceType", "efax", "trunk"),
    *block_launch("efa-interface-place", "NetworkInterfaces.0.InterfaceType", "efa-only"),
    *block_launch("efa-interface-place", "NetworkInterfaces.0", GONE),
    *block_launch("efa-interface-place", "NetworkInterfaces.3.NetworkCardIndex", 1),
    *block_launch("efa-interface-place", "NetworkInterfaces.3.DeviceIndex", 3),
    *block_launch("efa-interface-count", "NetworkInterfaces.16.NetworkCardIndex", 16),
    *block_launch("efa-interface-count", "NetworkInterfaces.0.InterfaceType", "efa"),
    *changed(
        "efa-placement", TEMPLATE, "Properties.LaunchTemplateData.Placement", GONE, sample=FAR, name="NearTemplate"
    ),
    *block_launch("efa-placement-reserved", "Placement", {"GroupName": "near"}, {"GroupName": {"Ref": "Near"}}),
    *changed(
        "efa-placement-reserved",
        TEMPLATE,
        "Properties.LaunchTemplateData.CapacityReservationSpecification",
        {"CapacityReservationTarget": {"CapacityReservationId": "cr-2"}},
        sample=FAR,
        name="NearTemplate",
    ),
    *block_launch("launch-security-groups", "SecurityGroupIds", ["sg-1"]),
    *changed(
        "launch-security-groups",
        TEMPLATE,
        "Properties.LaunchTemplateData.NetworkInterfaces.0.Groups",
        GONE,
        [],
        sample=FAR,
        name="NearTemplate",
    ),
    *changed("efa-placement", "AWS::EC2::PlacementGroup", "Properties.Strategy", "spread", GONE, sample=FAR),
    *block_group("efa-zones", "Subnets", ["subnet-1", "subnet-2"]),
    Fault("efa-security-group", "no egress to itself", FAR, without("AWS::EC2::SecurityGroupEgress")),
    Fault("efa-security-group", "no ingress from itself", FAR, without("AWS::EC2::SecurityGroupIngress", "NodesIn")),
    *changed("efa-security-group", "AWS::EC2::SecurityGroupEgress", "Properties.IpProtocol", "tcp", sample=FAR),
]

NETWORK_FAULTS = [
    *changed(
        "security-group-open",
        "AWS::EC2::SecurityGroup",
        "Properties.SecurityGroupIngress",
        [{"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, "CidrIp": "0.0.0.0/0"}],
        [{"IpProtocol": "-1", "CidrIpv6": "::/0"}],
    ),
    *changed("security-rule-open", "AWS::EC2::SecurityGroupIngress", "Properties.CidrIp", "0.0.0.0/0", sample=FAR),
    *changed("subnet-public-addresses", "AWS::EC2::Subnet", "Properties.MapPublicIpOnLaunch", True),
    Fault("vpc-flow-logs-missing", "no flow log", samples.ours, without("AWS::EC2::FlowLog")),
    *changed("vpc-names-off", "AWS::EC2::VPC", "Properties.EnableDnsHostnames", False, GONE),
    *changed("log-retention-missing", "AWS::Logs::LogGroup", "Properties.RetentionInDays", GONE),
    *changed("kms-rotation-off", "AWS::KMS::Key", "Properties.EnableKeyRotation", GONE, False),
]

IDENTITY_FAULTS = [
    *changed("iam-wildcard-action", POLICY, f"{ALLOWED}.Action", "*", "s3:*", ["s3:Get*"], name=LLAMA_POLICY),
    *[
        added(
            "iam-instances-unscoped",
            samples.automatic,
            f"{action} on {resource}",
            Controller=one(
                "AWS::IAM::ManagedPolicy",
                {"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": [action], "Resource": [resource]}]}},
            ),
        )
        for action, resource in (
            ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/*"),
            ("ec2:CreateTags", {"Fn::Join": ["", ["arn:aws:ec2:us-east-1:", {"Ref": "AWS::AccountId"}, ":volume/*"]]}),
        )
    ],
    *changed("iam-wildcard-resource", POLICY, "Properties.PolicyDocument.Statement.1.Resource", "*", name=LLAMA_POLICY),
    *changed(
        "iam-managed-policy",
        ROLE,
        "Properties.ManagedPolicyArns",
        ["arn:aws:iam::aws:policy/AdministratorAccess"],
        [{"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AmazonS3FullAccess"]]}],
        name=LLAMA_ROLE,
    ),
    *changed("iam-trust-anyone", ROLE, f"{TRUST}.Principal", "*", {"AWS": "*"}, name=LLAMA_ROLE),
    *changed("pod-identity-actions", ROLE, f"{TRUST}.Action", "sts:AssumeRole", ["sts:TagSession"], name=LLAMA_ROLE),
    *changed("pod-identity-conditions", ROLE, f"{TRUST}.Condition", GONE, name=LLAMA_ROLE),
    *changed(
        "pod-identity-twice",
        "AWS::EKS::PodIdentityAssociation",
        "Properties.ServiceAccount",
        "llama",
        name="resnetreader52048F9F",
    ),
]

EVENT_FAULTS = [
    *changed(
        "event-detail-type-unknown",
        "AWS::Events::Rule",
        "Properties.EventPattern.detail-type",
        ["EC2 Capacity Block Expiration Warning"],
        ["EC2 Instance State-Change Notification"],
        sample=AUTO,
        name="Rule4",
    ),
    *(
        Fault("event-interruptions-incomplete", f"without {name}", AUTO, without("AWS::Events::Rule", name))
        for name in ("Rule0", "Rule2", "Rule3")
    ),
]

HELM_FAULTS = [
    *changed("helm-version-missing", HELM, "Properties.Version", GONE, "^26.7.0"),
    *changed("helm-timeout", HELM, "Properties.Timeout", "1800s"),
    Fault("gpu-driver-twice", "the operator's defaults", samples.ours, values_of_operator()),
    Fault("gpu-driver-twice", "its toolkit", samples.ours, values_of_operator(driver={"enabled": False})),
    Fault("gpu-driver-twice", "its driver", samples.ours, values_of_operator(toolkit={"enabled": False})),
    added(
        "gpu-plugin-twice",
        samples.ours,
        "the plugin's own chart as well",
        Plugin=one(HELM, {"Chart": "nvidia-device-plugin", "Version": "0.19.3"}),
    ),
    added(
        "gpu-plugin-twice",
        samples.ours,
        "the driver for claims as well",
        Claims=one(HELM, {"Chart": "dra-driver-nvidia-gpu", "Version": "0.4.1"}),
    ),
    Fault("gpu-plugin-built-in", "Bottlerocket", samples.ours, on_bottlerocket),
    Fault("gpu-mig-built-in", "Bottlerocket", samples.ours, divided_by_both),
    added(
        "gpu-plugin-built-in",
        AUTO,
        "Auto Mode",
        Plugin=one(HELM, {"Chart": "nvidia-device-plugin", "Version": "0.20.0"}),
    ),
    added(
        "gpu-plugin-efa-clash",
        FAR,
        "0.19.1",
        Plugin=one(HELM, {"Chart": "nvidia-device-plugin", "Version": "0.19.1"}),
    ),
    added(
        "neuron-scheduler-version",
        samples.ours,
        "the chart's own scheduler",
        Neuron=neuron_chart('{"scheduler":{"enabled":true}}'),
    ),
    added(
        "neuron-scheduler-version",
        samples.ours,
        "a scheduler newer than the cluster",
        Neuron=neuron_chart('{"scheduler":{"enabled":true,"customScheduler":{"image":{"tag":"v1.37.0-eks-1-37-1"}}}}'),
    ),
    added(
        "neuron-plugin-twice",
        FAR,
        "the chart twice",
        Again=one(HELM, {"Chart": "neuron-helm-chart", "Version": "1.10.0"}),
    ),
    Fault(
        "neuron-plugin-twice",
        "beside CDK's own DaemonSet",
        FAR,
        lambda good: good.objects.update(
            {
                "cdk.yaml": [
                    {
                        "kind": "DaemonSet",
                        "metadata": {"name": "neuron", "namespace": "kube-system"},
                        "spec": {
                            "template": {"spec": {"containers": [{"image": "ecr/neuron-device-plugin:1.0.9043.0"}]}}
                        },
                    }
                ]
            }
        ),
    ),
]

TEMPLATE_FAULTS = [
    *CLUSTER_FAULTS,
    *NODE_FAULTS,
    *START_FAULTS,
    *LAUNCH_FAULTS,
    *NETWORK_FAULTS,
    *STORAGE_FAULTS,
    *IDENTITY_FAULTS,
    *EVENT_FAULTS,
    *HELM_FAULTS,
]
