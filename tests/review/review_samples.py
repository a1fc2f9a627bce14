"""What our own stacks and charts wrote, and small hand-written resources for what they do not write yet. All good."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from review_pools import LOCKED_MEMORY, gpu_class, gpu_pool, pools
from review_sample import Json, Sample

TESTS = Path(__file__).parents[1]


@cache
def _ours() -> Sample:
    return Sample(
        templates={
            path.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((TESTS / "stacks" / "snapshots").glob("*.template.json"))
        },
        objects={
            path.name: list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
            for path in sorted((TESTS / "k8s" / "snapshots").glob("*.yaml"))
        },
    )


def ours() -> Sample:
    """Every snapshot of the repository."""
    return _ours().copy()


def retained(type_: str, properties: Json) -> Json:
    return {"Type": type_, "Properties": properties, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def one(type_: str, properties: Json) -> Json:
    return {"Type": type_, "Properties": properties}


def distributed() -> Sample:
    """Nodes with EFA in a capacity block, and storage beside them."""
    self_rule = {"IpProtocol": "-1", "GroupId": {"Fn::GetAtt": ["Nodes", "GroupId"]}}
    lustre_ports = [
        {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "CidrIp": "10.0.0.0/16"}
        for first, last in ((988, 988), (1018, 1023))
    ]
    resources = {
        "Nodes": one("AWS::EC2::SecurityGroup", {"GroupDescription": "nodes", "VpcId": "vpc-1"}),
        "NodesIn": one(
            "AWS::EC2::SecurityGroupIngress",
            {**self_rule, "SourceSecurityGroupId": {"Fn::GetAtt": ["Nodes", "GroupId"]}},
        ),
        "NodesOut": one(
            "AWS::EC2::SecurityGroupEgress",
            {**self_rule, "DestinationSecurityGroupId": {"Fn::GetAtt": ["Nodes", "GroupId"]}},
        ),
        "Near": one("AWS::EC2::PlacementGroup", {"Strategy": "cluster"}),
        "Template": one("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": {**_efa_data(), **_block_data()}}),
        "Group": one("AWS::EKS::Nodegroup", _block_group()),
        "NearTemplate": one(
            "AWS::EC2::LaunchTemplate",
            {"LaunchTemplateData": {**_efa_data(), "Placement": {"GroupName": {"Ref": "Near"}}}},
        ),
        "NearGroup": one("AWS::EKS::Nodegroup", _near_group()),
        "LustreGroup": one(
            "AWS::EC2::SecurityGroup", {"GroupDescription": "lustre", "SecurityGroupIngress": lustre_ports}
        ),
        "Lustre": retained("AWS::FSx::FileSystem", _lustre()),
        "Scratch": retained(
            "AWS::FSx::FileSystem",
            {
                "FileSystemType": "LUSTRE",
                "FileSystemTypeVersion": "2.15",
                "StorageCapacity": 2400,
                "SubnetIds": ["subnet-1"],
                "LustreConfiguration": {"DeploymentType": "SCRATCH_2"},
            },
        ),
        "Link": one(
            "AWS::FSx::DataRepositoryAssociation",
            {"FileSystemId": {"Ref": "Lustre"}, "FileSystemPath": "/models", "DataRepositoryPath": "s3://weights"},
        ),
        "Shared": retained(
            "AWS::EFS::FileSystem",
            {
                "Encrypted": True,
                "ThroughputMode": "elastic",
                "FileSystemPolicy": {
                    "Statement": [{"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]
                },
            },
        ),
        "SharedGroup": one(
            "AWS::EC2::SecurityGroup",
            {
                "SecurityGroupIngress": [
                    {"IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049, "CidrIp": "10.0.0.0/16"}
                ]
            },
        ),
        "SharedTarget": one(
            "AWS::EFS::MountTarget",
            {
                "FileSystemId": {"Ref": "Shared"},
                "SubnetId": "subnet-1",
                "SecurityGroups": [{"Fn::GetAtt": ["SharedGroup", "GroupId"]}],
            },
        ),
        "Disk": one("AWS::EC2::Volume", {"Encrypted": True, "Size": 100}),
        "Tuning": one(
            "Custom::AWSCDK-EKS-HelmChart",
            {
                "Chart": "neuron-helm-chart",
                "Version": "1.10.0",
                "Values": '{"npd":{"enabled":true}}',
                "Timeout": "600s",
            },
        ),
        "Entry": one("AWS::EKS::AccessEntry", {"KubernetesGroups": ["model-operators"], "PrincipalArn": "arn:x"}),
    }
    return Sample({"distributed.template.json": {"Resources": resources}}, {})


def _efa_data() -> Json:
    first: Json = {"NetworkCardIndex": 0, "DeviceIndex": 0, "InterfaceType": "interface"}
    efa: list[Json] = [
        {"NetworkCardIndex": card, "DeviceIndex": 1 if card == 0 else 0, "InterfaceType": "efa-only"}
        for card in range(16)
    ]
    return {
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"Encrypted": True, "VolumeType": "gp3", "VolumeSize": 300, "Iops": 8000, "Throughput": 1000},
            }
        ],
        "UserData": {"Fn::Base64": LOCKED_MEMORY},
        "NetworkInterfaces": [{**place, "Groups": [{"Fn::GetAtt": ["Nodes", "GroupId"]}]} for place in (first, *efa)],
    }


def _block_data() -> Json:
    return {
        "InstanceType": "p5en.48xlarge",
        "InstanceMarketOptions": {"MarketType": "capacity-block"},
        "CapacityReservationSpecification": {"CapacityReservationTarget": {"CapacityReservationId": "cr-1"}},
    }


def _near_group() -> Json:
    bought = {
        "CapacityType": "ON_DEMAND",
        "InstanceTypes": ["p5en.48xlarge"],
        "LaunchTemplate": {"Id": {"Ref": "NearTemplate"}, "Version": "1"},
    }
    return {**_block_group(), **bought}


def _block_group() -> Json:
    return {
        "AmiType": "AL2023_x86_64_NVIDIA",
        "CapacityType": "CAPACITY_BLOCK",
        "ClusterName": {"Fn::ImportValue": "cluster"},
        "LaunchTemplate": {"Id": {"Ref": "Template"}, "Version": "1"},
        "ScalingConfig": {"MinSize": 0, "DesiredSize": 2, "MaxSize": 2},
        "Subnets": ["subnet-1"],
        "Taints": [{"Key": "nvidia.com/gpu", "Value": "present", "Effect": "NO_SCHEDULE"}],
        "NodeRepairConfig": {"Enabled": True},
        "UpdateConfig": {"MaxUnavailable": 1},
        "ForceUpdateEnabled": False,
    }


def _lustre() -> Json:
    return {
        "FileSystemType": "LUSTRE",
        "FileSystemTypeVersion": "2.15",
        "StorageType": "SSD",
        "StorageCapacity": 9600,
        "SubnetIds": ["subnet-1"],
        "SecurityGroupIds": [{"Fn::GetAtt": ["LustreGroup", "GroupId"]}],
        "KmsKeyId": "arn:key",
        "LustreConfiguration": {
            "DeploymentType": "PERSISTENT_2",
            "PerUnitStorageThroughput": 500,
            "EfaEnabled": True,
            "MetadataConfiguration": {"Mode": "AUTOMATIC"},
        },
    }


def bottlerocket() -> Sample:
    """Nodes of Inferentia on Bottlerocket, which has no shell and lies on two volumes."""
    disk = {"Encrypted": True, "VolumeType": "gp3"}
    settings = "[settings.kubernetes]\nmax-pods = 58\ndevice-ownership-from-security-context = true\n"
    data = {
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": disk},
            {"DeviceName": "/dev/xvdb", "Ebs": {**disk, "VolumeSize": 200}},
        ],
        "UserData": {"Fn::Base64": settings},
    }
    group = {
        **_block_group(),
        "AmiType": "BOTTLEROCKET_x86_64",
        "CapacityType": "ON_DEMAND",
        "InstanceTypes": ["inf2.xlarge"],
        "Taints": [{"Key": "aws.amazon.com/neuron", "Value": "present", "Effect": "NO_SCHEDULE"}],
    }
    resources = {
        "Template": one("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": data}),
        "Group": one("AWS::EKS::Nodegroup", group),
    }
    return Sample({"bottlerocket.template.json": {"Resources": resources}}, {})


def automatic() -> Sample:
    """A cluster in Auto Mode; Karpenter with its queue; its pools."""
    cluster = copy.deepcopy(_ours().resource("AWS::EKS::Cluster"))
    cluster["Properties"] |= {
        "ComputeConfig": {
            "Enabled": True,
            "NodePools": ["system"],
            "NodeRoleArn": "arn:aws:iam::111122223333:role/node",
        },
        "KubernetesNetworkConfig": {"ElasticLoadBalancing": {"Enabled": True}},
        "StorageConfig": {"BlockStorage": {"Enabled": True}},
    }
    deny = {
        "Effect": "Deny",
        "Action": "sqs:*",
        "Principal": "*",
        "Condition": {"Bool": {"aws:SecureTransport": False}},
    }
    names = {
        "aws.health": ["AWS Health Event"],
        "aws.ec2": [
            "EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation",
            "EC2 Instance State-change Notification", "EC2 Capacity Block Reservation Expiration Warning",
            "EC2 Capacity Reservation Instance Interruption Warning",
        ],
    }  # fmt: skip
    rules = {
        f"Rule{index}": one("AWS::Events::Rule", {"EventPattern": {"source": [source], "detail-type": [name]}})
        for index, (source, name) in enumerate((source, name) for source, each in names.items() for name in each)
    }
    resources = {
        "Cluster": cluster,
        "Queue": one("AWS::SQS::Queue", {"SqsManagedSseEnabled": True}),
        "QueuePolicy": one(
            "AWS::SQS::QueuePolicy", {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Statement": [deny]}}
        ),
        **rules,
    }
    return Sample({"automatic.template.json": {"Resources": resources}}, {"pools.yaml": [gpu_pool(), gpu_class()]})


def groups() -> Sample:
    """One pod of ours inside every kind that carries a pod template."""
    sample = ours()
    deployment = sample.object("Deployment", "llama-3-3-70b-instruct")
    template = deployment["spec"]["template"]
    pod = template["spec"]

    def custom(kind: str, version: str, spec: Json) -> Json:
        return {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": kind.lower(), "namespace": "models", "labels": {**deployment["metadata"]["labels"]}},
            "spec": spec,
        }

    def queued(body: Json) -> Json:
        labels = {**body["metadata"]["labels"], "kueue.x-k8s.io/queue-name": "training"}
        return {**body, "metadata": {**body["metadata"], "labels": labels}}

    def named(preset: str) -> Json:
        one = custom("LLMInferenceServiceConfig", "serving.kserve.io/v1alpha2", {})
        return {**one, "metadata": {**one["metadata"], "name": preset}}

    start = {"num-gpus": "4"}
    head = {"serviceType": "ClusterIP", "rayStartParams": start, "template": template}
    workers = {"groupName": "gpus", "rayStartParams": start, "template": template}
    ray = {"authOptions": {"mode": "token"}, "headGroupSpec": head, "workerGroupSpecs": [workers]}
    job = {"template": template}
    ending = {**job, "activeDeadlineSeconds": 3600}
    bodies = [
        custom("StatefulSet", "apps/v1", {**deployment["spec"]}),
        custom("DaemonSet", "apps/v1", {"selector": deployment["spec"]["selector"], "template": template}),
        custom("Job", "batch/v1", {**ending, "ttlSecondsAfterFinished": 3600}),
        custom("CronJob", "batch/v1", {"jobTemplate": {"spec": ending}}),
        custom(
            "LeaderWorkerSet",
            "leaderworkerset.x-k8s.io/v1",
            {
                "leaderWorkerTemplate": {
                    "size": 2,
                    "restartPolicy": "RecreateGroupOnPodRestart",
                    "leaderTemplate": template,
                    "workerTemplate": template,
                },
                "rolloutStrategy": {"rollingUpdateConfiguration": {"maxUnavailable": 1, "maxSurge": 0}},
            },
        ),
        custom("RayCluster", "ray.io/v1", ray),
        custom("RayService", "ray.io/v1", {"rayClusterConfig": ray, "upgradeStrategy": {"type": "None"}}),
        custom("RayJob", "ray.io/v1", {"rayClusterSpec": ray}),
        queued(
            custom(
                "JobSet",
                "jobset.x-k8s.io/v1alpha2",
                {"replicatedJobs": [{"name": "ranks", "template": {"spec": ending}}], "ttlSecondsAfterFinished": 3600},
            )
        ),
        custom("MPIJob", "kubeflow.org/v2beta1", {"mpiReplicaSpecs": {"Launcher": job, "Worker": job}}),
        custom("PyTorchJob", "kubeflow.org/v1", {"pytorchReplicaSpecs": {"Master": job, "Worker": job}}),
        custom("InferenceService", "serving.kserve.io/v1beta1", {"predictor": {**pod, "workerSpec": pod}}),
        custom(
            "LLMInferenceService",
            "serving.kserve.io/v1alpha1",
            {
                "storageInitializer": {"enabled": False},
                "parallelism": {"pipeline": 2},
                "template": pod,
                "worker": pod,
                "prefill": {"template": pod, "worker": pod, "parallelism": {"data": 2, "dataLocal": 1}},
            },
        ),
        named("kserve-config-llm-decode-worker-pipeline-parallel"),
        named("kserve-config-llm-prefill-worker-data-parallel"),
    ]
    return Sample({}, {"platform.yaml": sample.objects["platform.yaml"], "groups.yaml": copy.deepcopy(bodies)})


def volumes() -> Sample:
    """A volume of each driver and the claim of one, as a platform with all storage has them."""

    def volume(name: str, driver: str, handle: str, attributes: Json, **spec: Any) -> Json:
        csi = {"driver": driver, "volumeHandle": handle, "volumeAttributes": attributes}
        reserved = {"claimRef": {"namespace": "models", "name": name}, "persistentVolumeReclaimPolicy": "Retain"}
        body = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "csi": csi, **reserved, **spec}
        return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": body}

    options = ["region us-east-1", "maximum-throughput-gbps=100", "uid=1000", "allow-other"]
    cache = {"bucketName": "weights", "cache": "emptyDir", "cacheEmptyDirSizeLimit": "100Gi"}
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-east-1a"]}
    terms = {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}}
    lustre = {"dnsname": "fs-1.example", "mountname": "abcdefgh"}
    claim = {"storageClassName": "", "volumeName": "bucket", "accessModes": ["ReadWriteMany"]}
    return Sample(
        {},
        {
            "volumes.yaml": [
                volume("bucket", "s3.csi.aws.com", "bucket", cache, mountOptions=options),
                volume("bucket-too", "s3.csi.aws.com", "bucket-too", {"bucketName": "w"}, mountOptions=options),
                volume("shared", "efs.csi.aws.com", "fs-1::fsap-1", {"encryptInTransit": "true"}),
                volume("lustre", "fsx.csi.aws.com", "fs-2", lustre, nodeAffinity=terms),
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "metadata": {"name": "bucket", "namespace": "models"},
                    "spec": claim,
                },
            ]
        },
    )


def applied() -> Sample:
    """The objects of a model inside the resource by which CDK applies them, with a token in the text."""
    sample = ours()
    objects = [*sample.objects["platform.yaml"], *sample.objects["llama-3-3-70b-instruct.yaml"]]
    before, after = json.dumps(objects).split("example-model-bucket", 1)
    manifest = {"Fn::Join": ["", [before, {"Fn::ImportValue": "bucket"}, after]]}
    resource = one("Custom::AWSCDK-EKS-KubernetesResource", {"Manifest": manifest})
    return Sample({"applied.template.json": {"Resources": {"Model": resource}}}, {})


SAMPLES = (ours, distributed, bottlerocket, automatic, pools, groups, volumes, applied)
GOOD = {sample.__name__: sample for sample in SAMPLES}
