"""The job that compiles programs ahead: a replica's own pod that ends at its first answer."""

from __future__ import annotations

from typing import Any

import serving_plans as plans

from ai_on_eks.catalog.engine_start import engine_start
from ai_on_eks.descriptors.platform import ModelStore, Platform
from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.compile_ahead import PRIORITY_CLASS, program_config_map
from ai_on_eks.serving.startup import MARGIN, PERIOD_SECONDS
from ai_on_eks.serving.types import ModelJob, Workload
from ai_on_eks.serving.workload import build_workload

AHEAD = plans.PLATFORM.model_copy(update={"model_store": ModelStore(compile_ahead=True)})


def workload(plan: Plan, platform: Platform = AHEAD) -> Workload:
    return build_workload(plan, platform, plans.IMAGES)


def job() -> ModelJob:
    found = workload(plans.llama_on_inferentia2()).compiling
    assert found is not None
    return found


def engine(pod_spec: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_spec["containers"]
    return dict(container)


def seconds(pod_spec: dict[str, Any]) -> float:
    return float(engine(pod_spec)["startupProbe"]["failureThreshold"] * PERIOD_SECONDS)


def test_given_an_engine_that_keeps_programs_in_the_store_then_a_job_makes_them_and_otherwise_none() -> None:
    assert workload(plans.llama_on_inferentia2()).jobs == (job(),)
    for plan in (plans.llama(), plans.llama_on_trainium2(), plans.bge()):
        assert workload(plan).compiling is None
    assert workload(plans.llama_on_inferentia2(), plans.PLATFORM).compiling is None


def test_the_job_runs_what_a_replica_runs_on_the_same_devices() -> None:
    served = engine(workload(plans.llama_on_inferentia2(), plans.PLATFORM).pod_spec)
    compiled = engine(job().pod_spec)
    separator = compiled["args"].index("--")
    assert compiled["args"][separator + 1 :] == [*served["command"], *served["args"]]
    for field in ("image", "env", "resources", "workingDir", "securityContext"):
        assert compiled[field] == served[field], field
    assert compiled["args"][0] == "--url=http://127.0.0.1:8000/health"
    assert compiled["command"] == ["python3", "/program/until_ready.py"]
    assert not {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "ports"} & compiled.keys()


def test_the_job_may_take_the_place_of_a_replica_that_waits() -> None:
    spec = job().pod_spec
    assert (spec["restartPolicy"], spec["priorityClassName"]) == ("Never", PRIORITY_CLASS)
    shared = platform_manifests(AHEAD, "weights", priorities=(1, 8))
    values = {one["metadata"]["name"]: one["value"] for one in shared.values() if one["kind"] == "PriorityClass"}
    assert values.pop(PRIORITY_CLASS) > max(values.values())
    assert why_not_restricted(spec) == ()


def test_replicas_are_given_less_time_where_a_job_compiles() -> None:
    with_job = seconds(workload(plans.llama_on_inferentia2()).pod_spec)
    alone = seconds(workload(plans.llama_on_inferentia2(), plans.PLATFORM).pod_spec)
    start = engine_start("nxd-inference")
    assert start.compiled_warm_up_seconds is not None
    assert alone - with_job == MARGIN * (start.warm_up_seconds - start.compiled_warm_up_seconds)


def test_the_job_has_time_for_what_it_compiles() -> None:
    (argument,) = [one for one in engine(job().pod_spec)["args"] if one.startswith("--seconds=")]
    assert int(argument.removeprefix("--seconds=")) >= MARGIN * engine_start("nxd-inference").warm_up_seconds
    assert job().deadline_seconds > int(argument.removeprefix("--seconds="))


def test_programs_lie_by_image_ranks_and_shapes() -> None:
    found = workload(plans.llama_on_inferentia2())
    assert found.compile_cache is not None
    folder = found.compile_cache.split("/")
    assert folder[:3] == ["compiled", found.name, plans.REVISION]
    assert folder[3] == plans.IMAGES["nxd-inference"].tag
    assert "-ranks-" in folder[4]
    variables = {one["name"]: one.get("value") for one in engine(found.pod_spec)["env"]}
    assert variables["NEURON_COMPILE_CACHE_URL"] == f"s3://$(MODEL_BUCKET)/{found.compile_cache}"


def test_whatever_the_job_refers_to_is_there() -> None:
    shared = platform_manifests(AHEAD, "weights")
    names = {(one["kind"], one["metadata"]["name"]) for one in shared.values()}
    assert ("ConfigMap", program_config_map()) in names
    objects = model_manifests(workload(plans.llama_on_inferentia2()))
    (found,) = [one for one in objects.values() if one["kind"] == "Job"]
    labels = found["spec"]["template"]["metadata"]["labels"]
    assert shared["CompilePolicy"]["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert found["spec"]["template"]["spec"]["serviceAccountName"] == found["metadata"]["labels"]["ai-on-eks/model"]
    assert not objects["Service"]["spec"]["selector"].items() <= labels.items()
