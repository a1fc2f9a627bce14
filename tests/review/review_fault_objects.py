"""Planted faults in Kubernetes objects and in the pods they expand to."""

from __future__ import annotations

from typing import Any

import review_samples as samples
from review_faults import GONE, Fault, in_object, in_pod, put
from review_pools import pools as pools_sample
from review_sample import Json, Sample

ENGINE = "containers.0"
POOL_SPEC = "spec.template.spec"
MODEL = "llama-3-3-70b-instruct"


def in_pool(code: str, kind: str, path: str, *values: Any) -> list[Fault]:
    return in_object(code, kind, path, *values, sample=samples.automatic)


def requirement(key: str, operator: str, *values: str) -> Json:
    return {"key": key, "operator": operator, "values": list(values)}


def environment(**variable: Any) -> Json:
    return {"name": "HF_TOKEN", **variable}


def pods_of(body: Any) -> list[Json]:
    """Every mapping with containers below, wherever it stands: independent of what the rules know of kinds."""
    found: list[Json] = []
    if isinstance(body, dict):
        found += [body] if isinstance(body.get("containers"), list) else []
        for value in body.values():
            found += pods_of(value)
    elif isinstance(body, list):
        for value in body:
            found += pods_of(value)
    return found


def privileged(kind: str, position: int) -> Fault:
    def plant(good: Sample) -> None:
        put(pods_of(good.object(kind))[position], "containers.0.securityContext.privileged", True)

    return Fault("pod-not-restricted", f"privileged in {kind}, pod {position}", samples.groups, plant)


def in_text(code: str, old: str, new: str) -> Fault:
    """In the JSON text by which CDK applies the objects."""

    def plant(good: Sample) -> None:
        parts = good.resource("Custom::AWSCDK-EKS-KubernetesResource")["Properties"]["Manifest"]["Fn::Join"][1]
        assert any(isinstance(part, str) and old in part for part in parts)
        parts[:] = [part.replace(old, new) if isinstance(part, str) else part for part in parts]

    return Fault(code, f"{new} in a manifest", samples.applied, plant)


def without_policies(good: Sample) -> None:
    for file, bodies in good.objects.items():
        good.objects[file] = [body for body in bodies if body["kind"] != "NetworkPolicy"]


POD_FAULTS = [
    *in_pod("pod-not-restricted", "hostNetwork", True),
    *in_pod("pod-not-restricted", "securityContext.runAsNonRoot", GONE, False),
    *in_pod("pod-not-restricted", "securityContext.seccompProfile", GONE),
    *in_pod("pod-not-restricted", "volumes.0", {"name": "cache", "hostPath": {"path": "/"}}),
    *in_pod("pod-not-restricted", f"{ENGINE}.securityContext.capabilities.add", ["IPC_LOCK"]),
    *in_pod("pod-not-restricted", f"{ENGINE}.securityContext.allowPrivilegeEscalation", GONE, True),
    *(
        privileged(kind, position)
        for kind, pods in (
            ("StatefulSet", 1),
            ("DaemonSet", 1),
            ("Job", 1),
            ("CronJob", 1),
            ("LeaderWorkerSet", 2),
            ("RayCluster", 2),
            ("RayService", 2),
            ("RayJob", 2),
            ("JobSet", 1),
            ("MPIJob", 2),
            ("PyTorchJob", 2),
            ("InferenceService", 2),
            ("LLMInferenceService", 4),
        )
        for position in range(pods)
    ),
    in_text("pod-not-restricted", '"allowPrivilegeEscalation": false', '"allowPrivilegeEscalation": true'),
    in_text("pod-image-floating", "vllm-openai:v0.33.0", "vllm-openai:latest"),
    in_text("service-exposed", '"type": "ClusterIP"', '"type": "LoadBalancer"'),
    *in_object(
        "pod-resource-unequal",
        "Deployment",
        ("spec", "template", "spec", "containers", 0, "resources", "limits", "nvidia.com/gpu"),
        GONE,
        "8",
        name=MODEL,
    ),
    *in_pod(
        "pod-neuron-units",
        f"{ENGINE}.resources.limits",
        {"memory": "33280Mi", "nvidia.com/gpu": "4", "aws.amazon.com/neurondevice": "1"},
        {"memory": "33280Mi", "nvidia.com/gpu": "4", "aws.amazon.com/neuron": "1", "aws.amazon.com/neuroncore": "1"},
    ),
    *in_pod(
        "pod-neuron-scheduler",
        f"{ENGINE}.resources.limits",
        {"memory": "33280Mi", "nvidia.com/gpu": "4", "aws.amazon.com/neuron": "2"},
    ),
    *in_pod(
        "pod-efa-hugepages",
        f"{ENGINE}.resources.limits",
        {"memory": "33280Mi", "nvidia.com/gpu": "4", "vpc.amazonaws.com/efa": "1"},
    ),
    *in_pod("pod-service-links", "enableServiceLinks", GONE, True),
    *in_pod("pod-token-mounted", "automountServiceAccountToken", GONE, True),
    *in_pod("pod-root-writable", f"{ENGINE}.securityContext.readOnlyRootFilesystem", GONE, False),
    *in_pod("pod-memory-unbounded", f"{ENGINE}.resources.limits.memory", GONE),
    *in_pod("pod-memory-unbounded", f"{ENGINE}.resources.requests.memory", GONE),
    *in_pod("pod-shared-memory-unbounded", "volumes.2.emptyDir.sizeLimit", GONE, "33280Mi", "1Ti"),
    *in_pod("pod-shared-memory-missing", f"{ENGINE}.volumeMounts.2", GONE),
    *in_pod("pod-startup-probe-missing", f"{ENGINE}.startupProbe", GONE),
    *in_pod("pod-readiness-probe-missing", f"{ENGINE}.readinessProbe", GONE),
    *in_pod("pod-probe-timeout", f"{ENGINE}.livenessProbe.timeoutSeconds", GONE, 1),
    *in_pod(
        "pod-image-floating",
        f"{ENGINE}.image",
        "docker.io/vllm/vllm-openai",
        "docker.io/vllm/vllm-openai:latest",
        "registry:5000/vllm",
        "docker.io/vllm/vllm-openai:nightly-abc",
    ),
    *in_pod(
        "pod-secret-in-environment",
        f"{ENGINE}.env.0",
        environment(value="plain"),
        environment(valueFrom={"secretKeyRef": {"name": "hub", "key": "token"}}),
        {"name": "SETTING", "value": "hf_" + "a" * 34},
        {"name": "AWS_SECRET_ACCESS_KEY", "value": "x"},
    ),
    *in_pod("pod-secret-in-environment", f"{ENGINE}.args.0", "--api-key=sk-" + "a" * 24),
    *in_pod("pod-remote-code", f"{ENGINE}.args.0", "--trust-remote-code"),
    *in_pod("pod-context-implicit", f"{ENGINE}.args", ["--port=8000"]),
    Fault("pod-network-open", "no policy", samples.ours, without_policies),
    Fault(
        "pod-toleration-missing",
        "cores under the devices' taint",
        samples.ours,
        lambda good: put(
            good.object("Deployment", MODEL),
            "spec.template.spec.containers.0.resources",
            {
                "requests": {"cpu": "5500m", "ephemeral-storage": "4146Mi", "memory": "33280Mi"},
                "limits": {"memory": "33280Mi", "aws.amazon.com/neuroncore": "1"},
            },
        ),
    ),
]

OBJECT_FAULTS = [
    *in_object("service-exposed", "Service", "spec.type", "LoadBalancer", "NodePort"),
    *in_object("service-engine-name", "Service", "metadata.name", "vllm", "triton"),
    *in_object("rollout-deadlock", "Deployment", "spec.strategy", GONE, {"type": "RollingUpdate"}, name=MODEL),
    *in_object("rollout-deadlock", "Deployment", "spec.strategy.rollingUpdate.maxUnavailable", 0, "25%", name=MODEL),
    *in_object("budget-missing", "Deployment", "spec.replicas", 3, name=MODEL),
    Fault(
        "budget-blocks",
        "maxUnavailable 0",
        samples.ours,
        lambda good: good.objects.update(
            {"b.yaml": [{"kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {"maxUnavailable": 0}}]}
        ),
    ),
    *in_object("namespace-unguarded", "Namespace", "metadata.labels", {}),
    *in_object("selector-mismatch", "Deployment", "spec.selector.matchLabels", {"app": "other"}, name=MODEL),
    *in_object(
        "group-restart", "LeaderWorkerSet", "spec.leaderWorkerTemplate.restartPolicy", "None", sample=samples.groups
    ),
    *in_object(
        "group-restart",
        "LeaderWorkerSet",
        "spec.rolloutStrategy.rollingUpdateConfiguration.maxUnavailable",
        0,
        sample=samples.groups,
    ),
]

RAY = "spec.rayClusterConfig"

RAY_FAULTS = [
    *in_object(
        "ray-upgrade-deadlock", "RayService", "spec.upgradeStrategy", {"type": "NewCluster"}, GONE,
        sample=samples.groups,
    ),
    *in_object(
        "ray-devices-unlike", "RayService", f"{RAY}.headGroupSpec.rayStartParams", {"num-gpus": "0"},
        sample=samples.groups,
    ),
    *in_object(
        "ray-devices-unlike", "RayService", f"{RAY}.workerGroupSpecs.0.rayStartParams", {"num-gpus": "8"},
        sample=samples.groups,
    ),
    *in_object(
        "ray-head-exposed", "RayService", f"{RAY}.headGroupSpec.serviceType", "LoadBalancer", "NodePort",
        sample=samples.groups,
    ),
    *in_object(
        "ray-unauthenticated", "RayService", f"{RAY}.authOptions", GONE, {"mode": "disabled"}, sample=samples.groups
    ),
    *in_object("ray-unauthenticated", "RayCluster", "spec.authOptions", GONE, sample=samples.groups),
    *in_object("ray-unauthenticated", "RayJob", "spec.rayClusterSpec.authOptions", GONE, sample=samples.groups),
    *in_object(
        "ray-head-exposed", "RayCluster", "spec.headGroupSpec.serviceType", "LoadBalancer", sample=samples.groups
    ),
]  # fmt: skip

KSERVE_FAULTS = [
    *in_object(
        "kserve-pods-unseen", "LLMInferenceService", "spec.storageInitializer", GONE, {"enabled": True},
        sample=samples.groups,
    ),
    *in_object(
        "kserve-pods-unseen", "LLMInferenceServiceConfig", "metadata.namespace", "kserve", sample=samples.groups
    ),
    *in_object("kserve-pods-unseen", "LLMInferenceService", "spec.worker", GONE, sample=samples.groups),
    *in_object(
        "kserve-pods-unseen", "LLMInferenceService", "spec.prefill.parallelism", {"pipeline": 2}, sample=samples.groups
    ),
]  # fmt: skip

KARPENTER_FAULTS = [
    *in_pool("karpenter-retired", "NodePool", "apiVersion", "karpenter.sh/v1beta1"),
    *in_pool("karpenter-retired", "EC2NodeClass", "apiVersion", "karpenter.k8s.aws/v1beta1"),
    *in_pool("karpenter-retired", "NodePool", "kind", "Provisioner"),
    *in_pool("karpenter-operator-unknown", "NodePool", f"{POOL_SPEC}.requirements.1.operator", "GreaterThan", "in"),
    *in_pool(
        "karpenter-type-unknown", "NodePool", f"{POOL_SPEC}.requirements.0.values", ["g6e.12xlarge", "g6e.13xlarge"]
    ),
    *in_pool("karpenter-limits-missing", "NodePool", "spec.limits", GONE, {}),
    *in_pool(
        "karpenter-consolidation",
        "NodePool",
        "spec.disruption",
        GONE,
        {"consolidationPolicy": "WhenEmptyOrUnderutilized"},
    ),
    *in_pool("karpenter-taint-missing", "NodePool", f"{POOL_SPEC}.taints", GONE),
    *in_pool(
        "karpenter-label-prefix",
        "NodePool",
        f"{POOL_SPEC}.requirements.1",
        requirement("eks.amazonaws.com/instance-gpu-name", "In", "l40s"),
    ),
    *in_pool("karpenter-label-prefix", "NodePool", f"{POOL_SPEC}.nodeClassRef.group", "eks.amazonaws.com"),
    *in_pool("karpenter-image-floats", "EC2NodeClass", "spec.amiSelectorTerms", [{"alias": "al2023@latest"}]),
    *in_pool("karpenter-image-missing", "EC2NodeClass", "spec.amiSelectorTerms", GONE, [{"alias": "al2@v20251120"}]),
    *in_pool("karpenter-metadata-open", "EC2NodeClass", "spec.metadataOptions", GONE),
    *in_pool("karpenter-metadata-open", "EC2NodeClass", "spec.metadataOptions.httpPutResponseHopLimit", 2, GONE),
    *in_pool("karpenter-metadata-open", "EC2NodeClass", "spec.metadataOptions.httpTokens", "optional"),
    *in_pool("karpenter-volume-unencrypted", "EC2NodeClass", "spec.blockDeviceMappings", GONE),
    *in_pool("karpenter-volume-unencrypted", "EC2NodeClass", "spec.blockDeviceMappings.0.ebs.encrypted", False, GONE),
    *in_pool("karpenter-role", "EC2NodeClass", "spec.role", GONE),
    *in_pool("karpenter-role", "EC2NodeClass", "spec.instanceProfile", "node"),
]

LABELS = ("spec", "template", "metadata", "labels")
CLASS_OF = f"{POOL_SPEC}.nodeClassRef.name"
CAPACITY_TYPES = f"{POOL_SPEC}.requirements.1.values"
INTERFACE = {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"}


def pools(code: str, kind: str, name: str, path: str | tuple[Any, ...], *values: Any) -> list[Fault]:
    return in_object(code, kind, path, *values, sample=pools_sample, name=name)


POOL_FAULTS = [
    *pools("pool-capacity-type-unknown", "NodePool", "automatic", CAPACITY_TYPES, ["on-demand", "ondemand"]),
    *pools("pool-class-missing", "NodePool", "fixed", CLASS_OF, "fxed", "default"),
    *pools("pool-class-missing", "NodePool", "automatic", CLASS_OF, "other"),
    *pools("pool-reserved-unselected", "NodePool", "fixed", CAPACITY_TYPES, ["reserved"], ["on-demand", "reserved"]),
    *pools("pool-reserved-unselected", "EC2NodeClass", "reserved", "spec.capacityReservationSelectorTerms", GONE, []),
    *pools("class-reservation-unused", "NodePool", "reserved", CAPACITY_TYPES, ["on-demand"], ["spot"]),
    *pools("pool-static-mixed", "NodePool", "fixed", "spec.weight", 10),
    *pools("pool-static-mixed", "NodePool", "fixed", "spec.limits.cpu", "8"),
    *pools("pool-expiry-too-late", "NodePool", "automatic", f"{POOL_SPEC}.expireAfter", "505h", "Never"),
    *pools("pool-label-restricted", "NodePool", "reserved", (*LABELS, "karpenter.sh/x"), "y"),
    *pools("pool-label-restricted", "NodePool", "fixed", f"{POOL_SPEC}.requirements.2",
        requirement("karpenter.sh/nodepool", "In", "fixed"), requirement("kubernetes.io/hostname", "In", "a")),
    *pools("class-term-mixed", "EC2NodeClass", "reserved", "spec.subnetSelectorTerms.0.tags", {"a": "b"}),
    *pools("class-term-mixed", "EC2NodeClass", "reserved", "spec.amiSelectorTerms.0.name", "mine"),
    *pools("class-term-mixed", "NodeClass", "automatic", "spec.securityGroupSelectorTerms.1", {}),
    *pools("class-interface-place", "EC2NodeClass", "reserved", "spec.networkInterfaces.0.interfaceType", "efa-only"),
    *pools("class-interface-place", "EC2NodeClass", "reserved", "spec.networkInterfaces.3", INTERFACE),
    *pools("class-interface-place", "EC2NodeClass", "reserved", "spec.networkInterfaces.3",
        {"networkCardIndex": 1, "deviceIndex": 1, "interfaceType": "efa-only"}),
    *pools("class-interface-place", "NodeClass", "automatic",
        "spec.advancedNetworking.networkInterfaces.0.deviceIndex", 1),
    *pools("class-placement", "EC2NodeClass", "near", "spec.placementGroupSelector", GONE, {}),
    *pools("class-placement", "NodeClass", "automatic", "spec.placementGroupSelector", GONE),
    *pools("class-locked-memory", "EC2NodeClass", "near", "spec.userData", GONE, "#!/bin/bash\necho hello\n"),
    *pools("class-locked-memory", "EC2NodeClass", "reserved", "spec.userData", GONE),
    *pools("class-tag-restricted", "EC2NodeClass", "reserved", ("spec", "tags", "karpenter.sh/nodepool"), "x"),
    *pools("class-tag-restricted", "NodeClass", "automatic", ("spec", "tags", "kubernetes.io/cluster/other"), "owned"),
    *pools("class-auto-mode", "NodeClass", "automatic", "spec.role", GONE),
    *pools("class-auto-mode", "NodeClass", "automatic", "spec.subnetSelectorTerms", GONE, []),
    *pools("class-auto-mode", "NodeClass", "automatic", "spec.securityGroupSelectorTerms", GONE),
    *pools("class-auto-mode", "NodeClass", "automatic", "spec.ephemeralStorage.throughput", 2000),
    *pools("class-auto-mode", "NodeClass", "automatic", "spec.ephemeralStorage.iops", 100),
]  # fmt: skip

ATTRIBUTES = "spec.csi.volumeAttributes"


def in_volume(code: str, name: str, path: str, *values: Any) -> list[Fault]:
    return in_object(code, "PersistentVolume", path, *values, sample=samples.volumes, name=name)


VOLUME_FAULTS = [
    *in_volume("volume-s3-region", "bucket", "spec.mountOptions.0", "--region", "read-only", GONE),
    *in_volume("volume-s3-throughput", "bucket", "spec.mountOptions.1", "read-only", GONE),
    *in_volume("volume-s3-cache", "bucket", "spec.mountOptions.4", "cache /mnt/cache", "--cache=/tmp"),
    *in_volume("volume-s3-cache", "bucket", f"{ATTRIBUTES}.cacheEmptyDirSizeLimit", GONE),
    *in_volume("volume-s3-cache", "bucket", f"{ATTRIBUTES}.cache", "hostPath", "ephemeral"),
    *in_volume("volume-s3-bucket", "bucket", f"{ATTRIBUTES}.bucketName", GONE),
    *in_volume("volume-s3-others", "bucket", "spec.mountOptions.3", "read-only", GONE),
    *in_volume("volume-s3-handle-twice", "bucket-too", "spec.csi.volumeHandle", "bucket"),
    *in_volume("volume-efs-tls", "shared", f"{ATTRIBUTES}.encryptInTransit", "false", False),
    *in_volume("volume-efs-handle", "shared", "spec.csi.volumeHandle", "fs-1:fsap-1"),
    *in_volume("volume-lustre-address", "lustre", f"{ATTRIBUTES}.dnsname", GONE),
    *in_volume("volume-lustre-address", "lustre", f"{ATTRIBUTES}.mountname", GONE),
    *in_volume("volume-lustre-zone", "lustre", "spec.nodeAffinity", GONE),
    *in_volume("volume-static", "shared", "spec.claimRef", GONE),
    *in_volume("volume-static", "bucket", "spec.storageClassName", "gp3"),
    *in_volume("volume-kept", "lustre", "spec.persistentVolumeReclaimPolicy", "Delete"),
    *in_object("claim-class", "PersistentVolumeClaim", "spec.storageClassName", GONE, "gp3", sample=samples.volumes),
]

FAULTS = [*POD_FAULTS, *OBJECT_FAULTS, *RAY_FAULTS, *KSERVE_FAULTS, *KARPENTER_FAULTS, *POOL_FAULTS, *VOLUME_FAULTS]
