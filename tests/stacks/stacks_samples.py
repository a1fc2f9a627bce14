"""Hand-built values for construct and stack tests: independent of the catalogue, so its refresh changes no snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from msgspec.structs import replace

from ai_on_eks.catalog.types import Accelerator, InstanceType, PurchaseRoute, Vendor
from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.descriptors.platform import Cluster, Delivery, DeliveryMode, ModelStore, Platform
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.descriptors.platform_storage import BucketMount, ElasticFileSystem, FsxForLustre, PlatformStorage
from ai_on_eks.descriptors.platform_sync import WeightSync
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.kube.objects.persistent_volume import persistent_volume
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.types import ProgramStore, WeightsClaim, Workload
from ai_on_eks.units import GIB
from stacks.application import Charts, Deployment

ADMIN = "arn:aws:iam::111122223333:role/PlatformAdmin"
MIRROR = "111122223333.dkr.ecr.us-east-1.amazonaws.com/mirror"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


def accelerator(name: str = "l40s", vendor: Vendor = Vendor.NVIDIA, resource: str = "nvidia.com/gpu") -> Accelerator:
    return Accelerator(
        name=name,
        vendor=vendor,
        title=name,
        memory_bytes=44 * GIB,
        bandwidth_bytes_per_second=864e9,
        dense_flops={"bf16": 181e12},
        link_bytes_per_second=0.0,
        link="pcie",
        compute_capability=(8, 9),
        resource_name=resource,
        source="test",
    )


def instance_type(
    name: str = "g6e.xlarge",
    *,
    device: Accelerator | None = None,
    devices: int = 1,
    ami_type: str | None = "AL2023_x86_64_NVIDIA",
    local_nvme_bytes: int = 250 * 10**9,
) -> InstanceType:
    return InstanceType(
        name=name,
        family=name.rsplit(".", 1)[0],
        vcpus=4,
        memory_bytes=32 * GIB,
        architecture="x86_64",
        accelerator=device,
        accelerator_count=devices if device else 0,
        accelerator_memory_bytes=device.memory_bytes if device else 0,
        network_gbps=20.0,
        network_cards=1,
        efa_interfaces=0,
        local_nvme_bytes=local_nvme_bytes,
        max_pods=58,
        allocatable_cpu_millicores=3920,
        allocatable_memory_bytes=29 * GIB,
        ami_type=ami_type,
        purchase_routes=(PurchaseRoute.ON_DEMAND,),
        price=None,
        cpu_flops_per_vcpu=None,
        memory_bandwidth_bytes_per_second=None,
        served=True,
        not_served_reason=None,
    )


def gpu_type(name: str = "g6e.xlarge", **changes: Any) -> InstanceType:
    return instance_type(name, device=accelerator(), **changes)


def cpu_type(name: str = "m7i.large") -> InstanceType:
    return instance_type(name, ami_type="AL2023_x86_64_STANDARD", local_nvme_bytes=0)


def neuron_type(
    name: str = "trn2.48xlarge", chip: str = "trainium2", *, devices: int = 16, local_nvme_bytes: int = 250 * 10**9
) -> InstanceType:
    device = accelerator(chip, Vendor.NEURON, "aws.amazon.com/neuron")
    return instance_type(
        name, device=device, devices=devices, ami_type="AL2023_x86_64_NEURON", local_nvme_bytes=local_nvme_bytes
    )


def request(kind: InstanceType | None = None, **changes: Any) -> CapacityRequest:
    kind = kind or gpu_type()
    whole = CapacityRequest(
        name=kind.name.replace(".", "-"),
        instance_type=kind,
        capacity_type="on-demand",
        nodes=1,
        zones=ZONES,
        root_volume_gib=120,
        models=("llama",),
        pool=kind.name.replace(".", "-"),
    )
    return replace(whole, **changes)


def workload(name: str = "llama") -> Workload:
    return Workload(
        name=name,
        namespace="models",
        labels={},
        replicas=1,
        pod_spec={"securityContext": {"runAsUser": 10001}, "containers": []},
        config_maps={},
        port=8000,
        metrics_port=8000,
        metrics_path="/metrics",
        rollout={"maxSurge": 0, "maxUnavailable": 1},
        service_account=name,
        priority=None,
        warnings=(),
        engine="vllm",
    )


def platform(**changes: Any) -> Platform:
    settings: dict[str, Any] = {
        "name": "ai",
        "region": "us-east-1",
        "network": Network(availability_zones=ZONES),
        "cluster": Cluster(admin_principal_arns=(ADMIN,)),
        "tags": {"team": "ml"},
    }
    return Platform(**{**settings, **changes})


def rendered() -> dict[str, Any]:
    """Settings of a platform whose objects CDK does not apply."""
    return {"delivery": Delivery(mode=DeliveryMode.RENDER)}


def profiled(profile: str, folder: Path, **settings: Any) -> Platform:
    """A platform file of this profile, read as users' files are."""
    document: dict[str, Any] = {
        "name": "ai",
        "region": "us-east-1",
        "profile": profile,
        "network": {"availability_zones": list(ZONES)},
        "cluster": {"admin_principal_arns": [ADMIN]},
        "tags": {"team": "ml"},
        **settings,
    }
    if profile == "private":
        document["image_mirror"] = MIRROR
    path = folder / f"{profile}.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_platform(path)


GPU_ZONE = "us-east-1b"
HUB_TOKEN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-AbCdEf"  # noqa: S105 - names it


def all_storage() -> dict[str, Any]:
    """Settings of a platform that has everything models can be read from."""
    return {
        "storage": PlatformStorage(
            fsx=FsxForLustre(zone=GPU_ZONE), efs=ElasticFileSystem(), s3_mount=BucketMount(cache_gib=100)
        ),
        "model_store": ModelStore(writer="weights-sync", sync=WeightSync(hub_token=HUB_TOKEN)),
    }


def claim(storage: Storage, name: str = "llama", stored_bytes: int = 141 * 10**9) -> WeightsClaim:
    mounted = {"network_gbps": 20, "cache_gib": 100} if storage is Storage.S3 else {}
    return WeightsClaim(storage, f"{name}-weights", f"models/{name}", stored_bytes, bytes_per_second=1e9, **mounted)


STORED = {"llama": Storage.FSX, "mistral": Storage.S3, "resnet": Storage.EFS}


def stored() -> Deployment:
    """A model on each kind of storage that the platform has."""
    plain = deployment(
        request(zones=(GPU_ZONE,)), request(cpu_type("c7i.2xlarge"), models=("resnet",)), **all_storage()
    )
    claimed = [replace(workload(name), claim=claim(storage, name)) for name, storage in STORED.items()]
    # And one whose programs a job compiles, which its own pods only read.
    programs = ProgramStore(prefix="compiled/qwen/unpinned/v1/l40s/tp1", account="qwen.compile")
    return replace(plain, workloads=(*claimed, replace(workload("qwen"), programs=programs)))


def existing_bucket(name: str = "weights-of-ours") -> dict[str, Any]:
    return {"model_store": ModelStore(existing_bucket=name)}


def deployment(*requests: CapacityRequest, **changes: Any) -> Deployment:
    return Deployment(
        platform=platform(**changes),
        system_instance_type=cpu_type(),
        requests=requests or (request(), request(cpu_type("c7i.2xlarge"), models=("resnet",))),
        workloads=(workload("llama"), workload("resnet")),
    )


def charts(addresses: StorageAddresses) -> Charts:
    """What a renderer returns, reduced to one object each, and the volumes of a workload that has some."""
    names = ("llama", "resnet") if addresses.fsx is None else STORED
    models = {name: [config_map(name, {}), *volumes(name, addresses)] for name in names}
    platform = [config_map("model-store", {"bucket": addresses.bucket or ""})]
    return Charts(nodes=(), platform=platform, models=models)


def volumes(name: str, addresses: StorageAddresses) -> list[dict[str, Any]]:
    """The volume of a model that reads from a file system, where there is one."""
    if addresses.fsx is None:
        return []
    volume = persistent_volume(workload(name), claim(STORED[name], name), addresses)
    return [] if volume is None else [volume]


def config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "models"}, "data": data}
