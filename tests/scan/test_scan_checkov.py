"""Checkov on every pod that is rendered, by

    make scan

which installs it into an environment of its own. Everywhere else this file is skipped: `CHECKOV_PYTHON` names the
interpreter that has it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scan_accepted import accepted, differences
from scan_checkov import Report, Scanned, run_checkov, scanned
from scan_objects import beside_the_matrix, matrix

PYTHON = os.environ.get("CHECKOV_PYTHON", "")

pytestmark = pytest.mark.skipif(not PYTHON, reason="CHECKOV_PYTHON names no interpreter: make scan installs Checkov")

DIGEST = "@sha256:" + "0" * 64


@pytest.fixture(scope="module")
def objects() -> list[Scanned]:
    return scanned([*matrix().items(), *beside_the_matrix().items()])


@pytest.fixture(scope="module")
def report(objects: list[Scanned], tmp_path_factory: pytest.TempPathFactory) -> Report:
    return run_checkov(PYTHON, objects, tmp_path_factory.mktemp("rendered"))


def test_every_finding_has_a_reason_and_every_reason_a_finding(report: Report) -> None:
    found = {(check, kind): f"{example} ({report.names[check]})" for (check, kind), example in report.by_kind().items()}
    assert differences(found, accepted()) == []


def test_every_object_was_read(objects: list[Scanned], report: Report) -> None:
    """GIVEN objects that it skips without a word WHEN it is run THEN the counts would say so."""
    pods = [one for one in objects if one.manifest["kind"] == "Pod"]
    print(f"{len(pods)} pods, {len(objects)} objects, {report.passed} checks passed, {len(report.failed)} failed")
    assert report.resources == len(objects)
    assert report.not_read == 0
    assert report.passed > 40 * len(pods)


def test_pods_of_every_controller_are_scanned(objects: list[Scanned]) -> None:
    owners = {one.kind.partition(" ")[0] for one in objects if one.manifest["kind"] == "Pod"}
    assert owners >= {
        "DaemonSet", "Deployment", "InferenceService", "Job", "JobSet", "LLMInferenceService", "LeaderWorkerSet",
        "RayService",
    }  # fmt: skip


def container(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def without_policy(pod: dict[str, Any]) -> None:
    pod["metadata"] |= {"namespace": "elsewhere", "labels": {}}


PLANTED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "CKV_K8S_8": lambda pod: container(pod).pop("livenessProbe"),
    "CKV_K8S_9": lambda pod: container(pod).pop("readinessProbe"),
    "CKV_K8S_10": lambda pod: container(pod)["resources"]["requests"].pop("cpu"),
    "CKV_K8S_13": lambda pod: container(pod)["resources"]["limits"].pop("memory"),
    "CKV_K8S_14": lambda pod: container(pod).update(image="docker.io/vllm/vllm-openai:latest"),
    "CKV_K8S_16": lambda pod: container(pod)["securityContext"].update(privileged=True),
    "CKV_K8S_17": lambda pod: pod["spec"].update(hostPID=True),
    "CKV_K8S_19": lambda pod: pod["spec"].update(hostNetwork=True),
    "CKV_K8S_20": lambda pod: container(pod)["securityContext"].pop("allowPrivilegeEscalation"),
    "CKV_K8S_21": lambda pod: pod["metadata"].update(namespace="default"),
    "CKV_K8S_22": lambda pod: container(pod)["securityContext"].pop("readOnlyRootFilesystem"),
    "CKV_K8S_23": lambda pod: pod["spec"]["securityContext"].update(runAsNonRoot=False, runAsUser=0),
    "CKV_K8S_26": lambda pod: container(pod)["ports"][0].update(hostPort=8000),
    "CKV_K8S_27": lambda pod: pod["spec"]["volumes"].append(
        {"name": "docker", "hostPath": {"path": "/var/run/docker.sock"}}
    ),
    "CKV_K8S_31": lambda pod: pod["spec"]["securityContext"].pop("seccompProfile"),
    "CKV_K8S_37": lambda pod: container(pod)["securityContext"].pop("capabilities"),
    "CKV_K8S_38": lambda pod: pod["spec"].update(automountServiceAccountToken=True),
    "CKV_K8S_39": lambda pod: container(pod)["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]),
    "CKV_K8S_40": lambda pod: pod["spec"]["securityContext"].update(runAsUser=1000),
    "CKV2_K8S_6": without_policy,
}
"""A fault by the check that has to find it, in a pod that has none of them."""


def test_planted_faults_are_found_and_digests_end_the_findings_of_tags(objects: list[Scanned], tmp_path: Path) -> None:
    """GIVEN a good pod, the same with a fault each, and with digests WHEN scanned THEN each fault is told and no more.

    Without the policy that closes a namespace: Checkov takes it for one of all namespaces."""
    good = next(one for one in objects if one.kind == "InferenceService predictor")
    policies = [one for one in objects if one.kind == "NetworkPolicy" and one.manifest["spec"]["podSelector"]]
    planted = [Scanned("good", "good", copy.deepcopy(good.manifest)), _locked(good)]
    for check, plant in PLANTED.items():
        one = Scanned(check, check, copy.deepcopy(good.manifest))
        plant(one.manifest)
        planted.append(one)
    for number, one in enumerate(planted):
        one.manifest["metadata"]["name"] = f"pod-{number}"

    found = run_checkov(PYTHON, [*planted, *policies], tmp_path).by_kind()

    of = {one.kind: {check for check, kind in found if kind == one.kind} for one in planted}
    assert {check for check in PLANTED if check not in of[check]} == set()
    assert [check for check in PLANTED if check in of["good"]] == []
    assert of["good"] - of["locked"] == {"CKV_K8S_15", "CKV_K8S_43"}
    kinds_of_good = {(check, good.kind): name for check in of["CKV_K8S_16"] for name in [check]}
    assert any("CKV_K8S_16 on InferenceService predictor" in one for one in differences(kinds_of_good, accepted()))


def _locked(good: Scanned) -> Scanned:
    pod = copy.deepcopy(good.manifest)
    for one in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
        one["image"] += DIGEST
    return Scanned("locked", "locked", pod)
