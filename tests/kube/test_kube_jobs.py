"""Jobs and what they share, as the objects that are applied."""

from __future__ import annotations

from typing import Any

from kube_samples import platform, workload

from ai_on_eks.descriptors.platform import ModelStore
from ai_on_eks.descriptors.platform_sync import WeightSync
from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.serving.types import ModelJob
from ai_on_eks.serving.weight_sync import program_config_map, program_text

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-AbCdEf"  # noqa: S105 - names a secret
JOB = ModelJob(
    name="llama-sync-0123abcd",
    purpose="sync",
    pod_spec={"containers": []},
    retries=6,
    final_exit_codes=(3,),
    deadline_seconds=1380,
    kept_seconds=604_800,
)


def shared(**sync: Any) -> dict[str, Any]:
    return platform_manifests(platform(model_store=ModelStore(sync=WeightSync(**sync))), "weights")


def test_a_job_ends_is_removed_and_is_not_tried_again_where_that_is_no_use() -> None:
    found = model_manifests(workload(sync=JOB))["Job-llama-sync-0123abcd"]
    spec = found["spec"]
    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"], spec["backoffLimit"]) == (1380, 604_800, 6)
    assert spec["podFailurePolicy"]["rules"] == [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]


def test_no_service_or_policy_of_the_model_takes_the_jobs_pods_for_its_own() -> None:
    objects = model_manifests(workload(sync=JOB))
    labels = objects["Job-llama-sync-0123abcd"]["spec"]["template"]["metadata"]["labels"]
    for key, path in (("Service", ("selector",)), ("NetworkPolicy", ("podSelector", "matchLabels"))):
        wanted = objects[key]["spec"]
        for step in path:
            wanted = wanted[step]
        assert not wanted.items() <= labels.items(), key


def test_the_policy_of_jobs_selects_them_and_lets_nobody_in() -> None:
    labels = model_manifests(workload(sync=JOB))["Job-llama-sync-0123abcd"]["spec"]["template"]["metadata"]["labels"]
    policy = shared()["SyncPolicy"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy
    ports = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 80}
    (open_ports,) = [
        [port["port"] for port in rule["ports"]]
        for rule in policy["egress"]
        if {"ipBlock": {"cidr": "0.0.0.0/0"}} in rule["to"]
    ]
    assert open_ports == [443]


def test_the_program_is_there_word_for_word_under_a_name_that_tells_its_content() -> None:
    found = shared()["SyncProgram"]
    assert found["metadata"]["name"] == program_config_map()
    assert found["immutable"] is True
    assert found["data"] == {"weight_sync.py": program_text()}


def test_the_token_is_read_with_the_pods_own_role() -> None:
    assert "HubToken" not in shared()
    spec = shared(hub_token=SECRET)["HubToken"]["spec"]
    assert spec["provider"] == "aws"
    assert spec["parameters"] == {
        "objects": f'[{{"objectName": "{SECRET}", "objectAlias": "token"}}]',
        "region": "us-east-1",
        "usePodIdentity": "true",
    }


def test_the_jobs_account_is_the_writers() -> None:
    assert shared()["SyncAccount"]["metadata"]["name"] == "weight-sync"
    named = platform(model_store=ModelStore(writer="uploader", sync=WeightSync()))
    assert platform_manifests(named, None)["SyncAccount"]["metadata"]["name"] == "uploader"


def test_without_jobs_nothing_of_theirs_is_there() -> None:
    assert not [key for key in platform_manifests(platform(), "weights") if key.startswith(("Sync", "Hub"))]
