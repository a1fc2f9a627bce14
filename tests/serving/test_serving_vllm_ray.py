"""What Ray Serve is told to run: the replicas and figures that were planned, on the pods that were planned."""

from __future__ import annotations

import json
from typing import Any

import pytest
import serving_plans as plans
from msgspec.structs import replace
from serving_ray_plans import QUANTIZED, llama_on_ray

from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.descriptors.platform_autoscaling import Autoscaling, AutoscalingKind
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.descriptors.schema import Serving, Shape, Storage
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import RayCluster, Workload
from ai_on_eks.serving.workload import build_workload


def built(plan: Plan) -> Workload:
    return build_workload(plan, plans.PLATFORM, plans.IMAGES)


def cluster(plan: Plan) -> RayCluster:
    ray = built(plan).ray
    assert ray is not None
    return ray


def config(plan: Plan) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster(plan).serve_config)
    return found


def model(plan: Plan) -> dict[str, Any]:
    (application,) = config(plan)["applications"]
    (found,) = application["args"]["llm_configs"]
    return dict(found)


def problem(plan: Plan, **changes: Any) -> Problem:
    with pytest.raises(InputError) as caught:
        build_workload(plan, plans.PLATFORM.model_copy(update=changes), plans.IMAGES)
    (found,) = caught.value.problems
    return found


def test_given_a_plan_then_every_figure_that_was_sized_is_passed_by_its_name() -> None:
    assert model(llama_on_ray()) == {
        "model_loading_config": {"model_id": "llama-8b", "model_source": "/models"},
        "engine_kwargs": {
            "dtype": "bfloat16",
            "kv_cache_dtype": "auto",
            "max_model_len": 16384,
            "max_num_seqs": 256,
            "max_num_batched_tokens": 2048,
            "gpu_memory_utilization": 0.92,
            "tensor_parallel_size": 1,
        },
        "placement_group_config": {"bundle_per_worker": {"GPU": 1}, "strategy": "STRICT_PACK"},
        "deployment_config": {"num_replicas": 2, "graceful_shutdown_timeout_s": 45},
    }


def test_the_head_alone_takes_requests_and_hands_them_to_every_replica() -> None:
    found = config(llama_on_ray())
    assert (found["proxy_location"], found["http_options"]) == ("HeadOnly", {"host": "0.0.0.0", "port": 8000})  # noqa: S104
    (application,) = found["applications"]
    assert application["import_path"] == "ray.serve.llm:build_openai_app"
    assert application["args"]["ingress_deployment_config"] == {"num_replicas": 2}


def test_given_stages_over_nodes_then_a_placement_group_spans_them() -> None:
    plan = llama_on_ray(nodes=2)
    assert model(plan)["engine_kwargs"]["pipeline_parallel_size"] == 2
    assert model(plan)["placement_group_config"]["strategy"] == "PACK"
    assert (cluster(plan).pods, cluster(plan).accelerators) == (4, 1)


def test_given_experts_on_ranks_of_their_own_then_they_are_not_cut() -> None:
    plan = llama_on_ray()
    assert plan.chosen is not None
    divided = replace(plan, chosen=replace(plan.chosen, expert_parallel=2))
    assert model(divided)["engine_kwargs"]["enable_expert_parallel"] is True


def test_given_settings_of_a_quantization_beside_the_config_then_its_method_is_named() -> None:
    plan = llama_on_ray(architecture=QUANTIZED)
    assert model(plan)["engine_kwargs"]["quantization"] == "gptq"


def test_the_pods_start_nothing_by_themselves_and_log_less_than_they_may_write() -> None:
    workload = built(llama_on_ray())
    assert workload.group is not None
    for spec in (workload.pod_spec, workload.group.worker_pod_spec):
        container = spec["containers"][0]
        assert ("command" in container, container["args"]) == (False, [])
        variables = {one["name"]: one.get("value") for one in container["env"]}
        logged = int(variables["RAY_ROTATION_MAX_BYTES"]) * (1 + int(variables["RAY_ROTATION_BACKUP_COUNT"]))
        assert logged < 1024**3
        assert variables["RAY_USAGE_STATS_ENABLED"] == "0"
        (fetch,) = spec["initContainers"]
        assert "/models" in fetch["args"]


def test_other_engines_have_no_cluster() -> None:
    assert built(plans.llama()).ray is None


def test_given_weights_from_the_hub_then_they_are_refused() -> None:
    found = problem(llama_on_ray(storage=Storage.NODE))
    assert (found.code, found.path) == ("storage-not-served", "storage")


def test_given_another_object_for_its_pods_then_it_is_refused() -> None:
    found = problem(llama_on_ray(serving=Serving(shape=Shape.INFERENCE_SERVICE)))
    assert (found.code, found.value) == ("shape-not-served", "inference-service")
    assert "RayService" in found.message


def test_given_a_range_of_replicas_then_it_is_refused_where_something_would_scale_them() -> None:
    plan = llama_on_ray(serving=Serving(maximum_replicas=4))
    assert built(plan).autoscaling is None
    found = problem(
        plan,
        autoscaling=Autoscaling(kind=AutoscalingKind.BY_LOAD),
        capacity=Capacity(strategy=CapacityStrategy.KARPENTER),
        monitoring=Monitoring(kind=MonitoringKind.IN_CLUSTER),
    )
    assert (found.code, found.path) == ("shape-not-served", "serving.maximum_replicas")


def test_given_a_name_that_kuberay_refuses_then_a_shorter_one_is_offered() -> None:
    found = problem(llama_on_ray(name="a" * 46 + "-bcd"))
    assert (found.code, found.path, found.fix) == ("shape-not-served", "name", f"name: {'a' * 46}")
