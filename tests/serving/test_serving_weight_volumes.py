"""Pods whose weights lie on a file system: they mount the model's folder read-only and fetch nothing."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
import serving_plans as plans
from msgspec.structs import replace
from serving_ray_plans import llama_on_ray
from serving_traced_plans import bge_on_inferentia2

from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import BucketMount, ElasticFileSystem, FsxForLustre, PlatformStorage
from ai_on_eks.descriptors.schema import Precision, Storage, WeightPrecision
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.engines import ENGINES
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.weight_volumes import with_lustre_shape
from ai_on_eks.serving.workload import build_workload

BOTH = PlatformStorage(
    fsx=FsxForLustre(zone="us-east-1a", size_gib=2400, throughput_mbps_per_tib=1000), efs=ElasticFileSystem()
)


def platform(storage: PlatformStorage = BOTH) -> Platform:
    return plans.PLATFORM.model_copy(update={"storage": storage})


def workload(plan: Plan) -> Workload:
    return build_workload(plan, platform(), plans.IMAGES)


def engine(plan: Plan) -> dict[str, Any]:
    container: dict[str, Any] = workload(plan).pod_spec["containers"][0]
    return container


MAKERS = (
    plans.llama,
    plans.llama_70b,
    plans.llama_70b_sglang,
    plans.llama_70b_tensorrt_llm,
    plans.llama_on_inferentia2,
    plans.llama_on_trainium2,
    plans.llama_gguf,
    plans.bge,
    bge_on_inferentia2,
    plans.resnet,
    plans.savedmodel,
    plans.flux,
    llama_on_ray,
)


def test_given_an_engine_then_its_pods_are_tried_with_volumes_here() -> None:
    """A new engine has to say how it reads files that lie there already."""
    chosen = [make().chosen for make in MAKERS]
    assert {one.engine.name for one in chosen if one is not None} == set(ENGINES)


@pytest.mark.parametrize("make", MAKERS)
def test_given_fsx_then_the_pod_mounts_its_claim_read_only_and_fetches_nothing(make: Any) -> None:
    built = workload(make(storage=Storage.FSX))
    assert built.claim is not None
    assert built.claim.name == f"{built.name}-weights"
    assert built.claim.folder == f"models/{built.name}"
    (volume,) = [one for one in built.pod_spec["volumes"] if "persistentVolumeClaim" in one]
    assert volume["persistentVolumeClaim"] == {"claimName": built.claim.name, "readOnly": True}
    (mount,) = [one for one in built.pod_spec["containers"][0]["volumeMounts"] if one["name"] == volume["name"]]
    assert mount["readOnly"] is True
    assert "initContainers" not in built.pod_spec


def test_given_fsx_then_vllm_streams_from_the_folder_of_the_revision() -> None:
    container = engine(plans.llama(storage=Storage.FSX))
    assert container["args"][:3] == [
        f"/weights/{plans.REVISION}",
        "--load-format=runai_streamer",
        '--model-loader-extra-config={"concurrency":4,"distributed":false,"memory_limit":2147483648}',
    ]
    assert {"name": "HF_HUB_OFFLINE", "value": "1"} in container["env"]
    assert not [one for one in container["env"] if one["name"] == "MODEL_BUCKET"]


def test_given_fsx_then_tei_reads_the_folder_of_the_revision() -> None:
    assert engine(plans.bge(storage=Storage.FSX))["args"][0] == f"--model-id=/weights/{plans.REVISION}"


@pytest.mark.parametrize("make", [plans.llama_70b_sglang, plans.llama_on_inferentia2, plans.llama_on_trainium2])
def test_given_fsx_then_engines_that_read_a_folder_are_told_the_one_of_the_revision(make: Any) -> None:
    told = engine(make(storage=Storage.FSX))["args"]
    assert any(f"/weights/{plans.REVISION}" in one for one in told)
    assert not any(one.split("=")[-1] == "/models" for one in told)


def test_given_fsx_then_llama_cpp_reads_the_file_where_the_source_has_it() -> None:
    plan = plans.llama_gguf(storage=Storage.FSX)
    arguments = engine(plan)["args"]
    revision = plan.descriptor.source.revision or "unpinned"
    assert arguments[arguments.index("--model") + 1] == f"/weights/{revision}/{plan.descriptor.source.file}"


def test_given_fsx_then_triton_is_shown_the_one_file_under_its_own_name() -> None:
    plan = plans.resnet(storage=Storage.FSX)
    (mount,) = [one for one in engine(plan)["volumeMounts"] if one["name"] == "weights"]
    revision = plan.descriptor.source.revision or "unpinned"
    assert mount == {
        "name": "weights",
        "mountPath": f"/models/{plan.descriptor.name}/1/model.onnx",
        "subPath": f"{revision}/{plan.descriptor.source.file}",
        "readOnly": True,
    }


@pytest.mark.parametrize(
    ("throughput", "replicas", "failures"),
    [
        # 30 s + 141 GB ÷ min(2,344 MB/s, 10 GB/s) + 80 s = 170.2 s; × 3 ÷ 10 s
        (1000, 1, 52),
        # 30 s + 141 GB ÷ 293 MB/s + 80 s = 591.3 s
        (125, 1, 178),
        # two nodes that start together have half each: 30 s + 141 GB ÷ 1,172 MB/s + 80 s = 230.3 s
        (1000, 2, 70),
    ],
)
def test_given_a_file_system_then_its_throughput_is_in_the_startup_budget(
    throughput: int, replicas: int, failures: int
) -> None:
    plan = plans.llama_70b(storage=Storage.FSX)
    assert plan.chosen is not None
    plan = replace(plan, chosen=replace(plan.chosen, replicas=replicas))
    fsx = FsxForLustre.model_validate({"zone": "us-east-1a", "size_gib": 2400, "throughput_mbps_per_tib": throughput})
    built = build_workload(plan, platform(PlatformStorage(fsx=fsx)), plans.IMAGES)
    assert built.pod_spec["containers"][0]["startupProbe"]["failureThreshold"] == failures


def test_given_plans_then_the_platforms_file_system_is_sized_once_for_those_that_read_from_it() -> None:
    weights = Tensor("w", (35_000_000_000,), TensorRole.FEED_FORWARD, Sharding.SPLIT)
    large = plans.llama(storage=Storage.FSX)
    large = replace(large, inventory=replace(large.inventory, tensors=(weights,)))
    elsewhere = replace(plans.llama_70b(), inventory=large.inventory)
    implicit = platform(PlatformStorage(fsx=FsxForLustre(zone="us-east-1a", load_seconds=100)))
    sized = with_lustre_shape(implicit, (large, elsewhere)).storage.fsx
    assert sized is not None
    # 70 GB in 100 s: 700 MB/s, which 1,200 GiB reach at 1,000 MB/s per TiB
    assert (sized.size_gib, sized.throughput_mbps_per_tib) == (1200, 1000)
    assert with_lustre_shape(plans.PLATFORM, (large,)) == plans.PLATFORM


def fetch(plan: Plan) -> dict[str, Any]:
    container: dict[str, Any] = workload(plan).pod_spec["initContainers"][0]
    return container


@pytest.mark.parametrize("make", [plans.llama, plans.bge, plans.resnet, plans.llama_gguf])
def test_given_efs_then_an_init_container_fills_the_volume_that_the_engine_only_reads(make: Any) -> None:
    plan = make(storage=Storage.EFS)
    spec = workload(plan).pod_spec
    (volume,) = [one for one in spec["volumes"] if "persistentVolumeClaim" in one]
    assert volume["persistentVolumeClaim"] == {"claimName": f"{plan.descriptor.name}-weights"}
    (written,) = [one for one in fetch(plan)["volumeMounts"] if one["name"] == "weights"]
    assert written == {"name": "weights", "mountPath": "/weights"}
    (read,) = [one for one in engine(plan)["volumeMounts"] if one["name"] == "weights"]
    assert read["readOnly"] is True


def test_given_efs_then_what_is_missing_there_is_copied_from_the_store_without_pickles() -> None:
    assert fetch(plans.llama(storage=Storage.EFS))["args"] == [
        "s3",
        "sync",
        f"s3://$(MODEL_BUCKET)/models/llama-8b/{plans.REVISION}",
        f"/weights/{plans.REVISION}",
        "--exclude=*.bin",
        "--exclude=*.pt",
        "--exclude=*.pth",
        "--exclude=*.ckpt",
        "--no-progress",
    ]


@pytest.mark.parametrize(
    ("file", "included"),
    [("model.gguf", "model.gguf"), ("q8/model-00001-of-00004.gguf", "q8/model-*-of-00004.gguf")],
)
def test_given_efs_and_a_file_then_nothing_but_its_parts_is_copied(file: str, included: str) -> None:
    plain = plans.llama_gguf(storage=Storage.EFS)
    source = plain.descriptor.source.model_copy(update={"file": file})
    arguments = fetch(plans.llama_gguf(storage=Storage.EFS, source=source))["args"]
    assert arguments[4:] == ["--exclude=*", f"--include={included}", "--no-progress"]


def test_given_efs_then_a_clients_throughput_is_in_the_startup_budget() -> None:
    # 30 s + 141 GB ÷ 1,500 MiB/s + 80 s = 199.6 s; × 3 ÷ 10 s
    assert engine(plans.llama_70b(storage=Storage.EFS))["startupProbe"]["failureThreshold"] == 60


MOUNT = PlatformStorage(s3_mount=BucketMount(cache_gib=20))


@pytest.mark.parametrize("make", [plans.bge, plans.resnet, plans.llama_gguf])
def test_given_a_mount_of_the_bucket_then_engines_that_read_files_mount_instead_of_copying(make: Any) -> None:
    plan = make()
    built = build_workload(plan, platform(MOUNT), plans.IMAGES)
    assert built.claim is not None
    assert built.claim.storage is Storage.S3
    assert plan.chosen is not None
    assert built.claim.network_gbps == ceil(plan.chosen.instance_type.network_gbps)
    assert "initContainers" not in built.pod_spec
    (mount,) = [one for one in built.pod_spec["containers"][0]["volumeMounts"] if one["name"] == "weights"]
    assert mount["readOnly"] is True


def test_given_a_mount_of_the_bucket_then_an_engine_that_streams_goes_on_streaming() -> None:
    assert build_workload(plans.llama(), platform(MOUNT), plans.IMAGES) == build_workload(
        plans.llama(), plans.PLATFORM, plans.IMAGES
    )


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ({"network_gbps": 2.5, "network_burst_gbps": 10.0}, 10),
        ({"network_gbps": 2.5}, 3),
        ({"network_gbps": 3200.0, "network_cards": 32, "pod_network_gbps": 100.0, "network_burst_gbps": 3200.0}, 100),
    ],
)
def test_given_a_node_then_the_mount_is_told_what_a_pod_can_reach_on_it(network: dict[str, Any], told: int) -> None:
    plan = plans.bge()
    assert plan.chosen is not None
    kind = replace(plan.chosen.instance_type, **network)
    built = build_workload(
        replace(plan, chosen=replace(plan.chosen, instance_type=kind)), platform(MOUNT), plans.IMAGES
    )
    assert built.claim is not None
    assert built.claim.network_gbps == told


@pytest.mark.parametrize(("parameters", "cache_gib"), [(500_000_000, 2), (100_000_000_000, 20)])
def test_given_a_cache_then_it_is_no_larger_than_the_model(parameters: int, cache_gib: int) -> None:
    """GIVEN 32 bits a parameter: 1.9 GiB, and more than the 20 GiB that the platform allows."""
    weights = Tensor("w", (parameters,), TensorRole.FEED_FORWARD, Sharding.SPLIT)
    plan = plans.bge(precision=Precision(weights=WeightPrecision.FP32))
    plan = replace(plan, inventory=replace(plan.inventory, tensors=(weights,)))
    built = build_workload(plan, platform(MOUNT), plans.IMAGES)
    assert built.claim is not None
    assert built.claim.cache_gib == cache_gib
