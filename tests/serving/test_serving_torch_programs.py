"""torch.compile's programs: one account writes, replicas copy and cannot write, and nobody shares what they change."""

from __future__ import annotations

from typing import Any

import pytest
import serving_plans as plans

from ai_on_eks.descriptors.platform import ModelStore
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.kube.scheduling import pod_requests
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.compile_ahead import FINAL_EXIT_CODES, PRIORITY_CLASS
from ai_on_eks.serving.engines.vllm import CACHE_DIRECTORY, COMPILE_DIRECTORY
from ai_on_eks.serving.types import ModelJob, Workload
from ai_on_eks.serving.workload import build_workload

AHEAD = plans.PLATFORM.model_copy(update={"model_store": ModelStore(torch_compile_ahead=True)})


def workload(plan: Plan | None = None) -> Workload:
    return build_workload(plan or plans.llama(), AHEAD, plans.IMAGES)


def job(plan: Plan | None = None) -> ModelJob:
    found = workload(plan).compiling
    assert found is not None
    return found


def copying(pod_spec: dict[str, Any]) -> list[dict[str, Any]]:
    listed = [*pod_spec.get("initContainers", ()), *pod_spec["containers"]]
    return [one for one in listed if one["name"] == "programs-copy"]


def test_without_the_option_nothing_changes() -> None:
    plain = build_workload(plans.llama(), plans.PLATFORM, plans.IMAGES)
    assert (plain.programs, plain.compiling, copying(plain.pod_spec)) == (None, None, [])
    served = workload()
    assert {**served.pod_spec, "initContainers": None} == {**plain.pod_spec, "initContainers": None}


@pytest.mark.parametrize(
    "plan",
    [
        plans.llama_on_two_nodes(),
        plans.llama(storage=Storage.NODE),
        plans.bge(),
        plans.resnet(),
        plans.llama_on_inferentia2(),
        plans.llama_gguf(),
    ],
    ids=["two nodes", "from the hub", "tei", "cpu", "neuron", "llama.cpp"],
)
def test_models_that_compile_nothing_in_one_pod_of_a_bucket_have_no_job(plan: Plan) -> None:
    found = workload(plan)
    assert (found.programs, found.compiling, copying(found.pod_spec)) == (None, None, [])


def test_the_job_starts_a_replicas_engine_and_copies_what_it_made_once_it_has_ended() -> None:
    spec = job().pod_spec
    served = workload().pod_spec["containers"][0]
    *_before, engine = spec["initContainers"]
    separator = engine["args"].index("--")
    assert engine["args"][separator + 1 :] == [*served["command"], *served["args"]]
    for field in ("image", "env", "resources", "securityContext"):
        assert engine[field] == served[field], field
    assert not {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle", "ports"} & engine.keys()
    (keeper,) = spec["containers"]
    source, target = keeper["args"][2:4]
    assert (source, target.startswith("s3://$(MODEL_BUCKET)/compiled/")) == (COMPILE_DIRECTORY, True)
    assert "--exclude=*.tmp" in keeper["args"]
    mounted = {one["mountPath"]: one["name"] for one in engine["volumeMounts"]}
    assert {one["mountPath"]: one["name"] for one in keeper["volumeMounts"]}.items() <= mounted.items()
    assert CACHE_DIRECTORY in mounted
    assert (spec["restartPolicy"], spec["priorityClassName"]) == ("Never", PRIORITY_CLASS)
    assert why_not_restricted(spec) == ()


def test_a_replica_starts_with_a_copy_of_its_own() -> None:
    """The engine writes where it reads, and what it loads is code: no volume is shared, and none of the node's."""
    found = workload()
    assert found.programs is not None
    (copy,) = copying(found.pod_spec)
    assert copy in found.pod_spec["initContainers"]
    assert copy["args"][:4] == ["s3", "sync", f"s3://$(MODEL_BUCKET)/{found.programs.prefix}", COMPILE_DIRECTORY]
    volumes = {one["name"]: one for one in found.pod_spec["volumes"]}
    assert all("emptyDir" in volumes[one["name"]] for one in copy["volumeMounts"])
    assert why_not_restricted(found.pod_spec) == ()
    (kept,) = copying(job().pod_spec)
    assert kept["args"][3] == copy["args"][2], "the job writes where replicas read"


def test_who_writes_programs_serves_nobody_and_who_serves_writes_none() -> None:
    found = workload()
    assert found.programs is not None
    assert job().pod_spec["serviceAccountName"] == found.programs.account != found.service_account
    assert found.pod_spec["serviceAccountName"] == found.service_account
    assert "." in found.programs.account, "no model's name has a dot, so no model's account is that of a job"


def test_programs_lie_by_image_accelerator_ranks_and_shapes() -> None:
    found = workload()
    assert found.programs is not None
    folder = found.programs.prefix.split("/")
    assert folder[:3] == ["compiled", found.name, plans.REVISION]
    assert folder[3] == plans.IMAGES["vllm"].tag
    assert folder[4:] == ["nvidia-l40s", "tp1-pp1-ep1-16384x256x2048"]
    larger = workload(plans.llama_70b())
    assert larger.programs is not None
    assert larger.programs.prefix.split("/")[5].startswith("tp4-pp1")


def test_the_engine_keeps_its_programs_where_they_are_copied_from() -> None:
    """vLLM's cache is `vllm` below XDG_CACHE_HOME, unless a variable of its own says otherwise."""
    variables = {one["name"]: one.get("value") for one in workload().pod_spec["containers"][0]["env"]}
    assert f"{variables['XDG_CACHE_HOME']}/vllm/torch_compile_cache" == COMPILE_DIRECTORY
    assert "VLLM_CACHE_ROOT" not in variables


def test_the_startup_budget_still_covers_a_replica_that_finds_none() -> None:
    """What does not fit is compiled again, without a word."""
    plain = build_workload(plans.llama(), plans.PLATFORM, plans.IMAGES)
    for found in (workload(), plain):
        assert found.pod_spec["containers"][0]["startupProbe"] == plain.pod_spec["containers"][0]["startupProbe"]


@pytest.mark.parametrize("plan", [plans.llama(), plans.llama_70b()], ids=["one device", "shared memory"])
def test_the_job_asks_for_no_more_than_a_replica_and_counts_what_its_engine_left(plan: Plan) -> None:
    spec = job(plan).pod_spec
    assert pod_requests(spec) == pod_requests(workload(plan).pod_spec)
    (keeper,), engine = spec["containers"], spec["initContainers"][-1]
    for name in ("memory", "ephemeral-storage"):
        assert keeper["resources"]["requests"][name] == engine["resources"]["requests"][name]
    assert keeper["resources"]["limits"] == {"memory": engine["resources"]["limits"]["memory"]}


def test_whatever_the_job_refers_to_is_there() -> None:
    shared = platform_manifests(AHEAD, "weights")
    objects = model_manifests(workload())
    (found,) = [one for one in objects.values() if one["kind"] == "Job"]
    pod = found["spec"]["template"]
    names = {(one["kind"], one["metadata"]["name"]) for one in (*shared.values(), *objects.values())}
    assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in names
    (program,) = [one["configMap"]["name"] for one in pod["spec"]["volumes"] if "configMap" in one]
    assert ("ConfigMap", program) in names
    assert ("PriorityClass", pod["spec"]["priorityClassName"]) in names
    policy = shared["CompilePolicy"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy, "nobody calls what may write programs"
    (rule, _evicted) = found["spec"]["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"] == {"operator": "In", "values": list(FINAL_EXIT_CODES)}
