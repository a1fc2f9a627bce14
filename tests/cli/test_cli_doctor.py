"""The doctor against machines, projects and accounts. Programs are scripts, accounts answer from a table."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError, NoCredentialsError
from cli_running import LLAMA_8B, MODELS, PLATFORM, RESNET, run_here, run_process
from msgspec.structs import replace

from ai_on_eks.catalog import node_images
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.cli.checked import Checked, load_checked
from ai_on_eks.cli.doctor import machine
from ai_on_eks.cli.doctor.account import check_account, needed_vcpus
from ai_on_eks.cli.doctor.checks import Check, Verdict
from ai_on_eks.cli.doctor.node_software import check_image_software, check_node_software
from ai_on_eks.cli.doctor.project import check_kubernetes_support, check_machine_image
from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.descriptors.platform import CapacityStrategy, OperatingSystem, Platform

TODAY = date(2026, 11, 29)
G_QUOTA, STANDARD_QUOTA = "L-DB2E81BA", "L-1216C47A"


def program(folder: Path, name: str, text: str, code: int = 0) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{text}'\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are looked for in, in an empty project folder."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(machine, "prefer_installed_node", lambda: None)
    monkeypatch.chdir(tmp_path)
    return folder


def codes(check: Check) -> list[str]:
    return [problem.code for problem in check.problems]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("v22.20.0", []), ("v24.1.0", []), ("v20.20.2", ["node-unsupported"]), ("v26.0.0", ["node-unsupported"])],
)
def test_given_a_node_when_examined_then_only_supported_ones_are_good(
    answer: str, expected: list[str], programs: Path
) -> None:
    program(programs, "node", answer)
    assert codes(machine.check_node()) == expected


@pytest.mark.usefixtures("programs")
def test_given_no_node_when_examined_then_it_is_told() -> None:
    assert codes(machine.check_node()) == ["missing-node"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("2.1148.1 (build 8d1a1b2)", []),
        ("2.1148.0", []),
        ("2.1147.9", ["cdk-cli-incompatible"]),
        ("3.0.0 (build 0000000)", ["cdk-cli-incompatible"]),  # newer by number, years older by date
    ],
)
def test_given_a_cdk_command_line_when_examined_then_it_has_to_read_the_librarys_assemblies(
    answer: str, expected: list[str], programs: Path
) -> None:
    program(programs, "cdk", answer)
    assert codes(machine.check_cdk()) == expected


def test_given_a_projects_own_cdk_when_examined_then_it_comes_before_the_machines(
    programs: Path, tmp_path: Path
) -> None:
    program(programs, "cdk", "3.0.0")
    (tmp_path / "node_modules" / ".bin").mkdir(parents=True)
    program(tmp_path / "node_modules" / ".bin", "cdk", "2.1148.1")
    assert machine.check_cdk().verdict is Verdict.GOOD


def test_given_a_program_that_fails_when_examined_then_it_counts_as_absent(programs: Path) -> None:
    program(programs, "cdk", "2.1148.1", code=1)
    assert codes(machine.check_cdk()) == ["cdk-cli-missing"]


def test_the_least_cdk_is_the_one_that_a_synthesis_names(tmp_path: Path) -> None:
    from aws_cdk import App  # noqa: PLC0415 - Node starts

    app = App(outdir=str(tmp_path), analytics_reporting=False)
    manifest = yaml.safe_load((Path(app.synth().directory) / "manifest.json").read_text(encoding="utf-8"))
    assert machine.least_cdk() == manifest["minimumCliVersion"]


@pytest.mark.parametrize(
    ("kubernetes", "verdict"), [("1.36", Verdict.GOOD), ("1.34", Verdict.FINDING), (None, Verdict.GOOD)]
)
def test_given_a_kubectl_when_examined_then_one_minor_version_apart_is_the_most(
    kubernetes: str | None, verdict: Verdict, programs: Path
) -> None:
    program(programs, "kubectl", "Client Version: v1.36.3")
    assert machine.check_kubectl(kubernetes).verdict is verdict


@pytest.mark.usefixtures("programs")
def test_given_no_kubectl_when_examined_then_nothing_is_found() -> None:
    assert machine.check_kubectl("1.36").verdict is Verdict.SKIPPED


def platform(**changes: Any) -> Platform:
    return load_platform(Path(PLATFORM)).model_copy(update=changes)


@pytest.mark.parametrize(("days", "expected"), [(90, []), (91, ["stale-machine-image"])])
def test_given_karpenters_machine_image_when_old_then_it_is_found(days: int, expected: list[str]) -> None:
    on = node_images.image_released("al2023").toordinal() + days
    capacity = platform().capacity.model_copy(update={"strategy": "karpenter"})
    assert codes(check_machine_image(platform(capacity=capacity), date.fromordinal(on))) == expected
    assert check_machine_image(platform(), date.fromordinal(on)).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("version", "on", "expected"),
    [
        ("1.35", date(2027, 1, 25), []),
        ("1.35", date(2027, 1, 26), ["kubernetes-support-ends"]),
        ("1.36", date(2030, 1, 1), []),
    ],
)
def test_given_a_kubernetes_version_when_its_support_ends_within_sixty_days_then_it_is_found(
    version: str, on: date, expected: list[str]
) -> None:
    cluster = platform().cluster.model_copy(update={"kubernetes_version": version})
    assert codes(check_kubernetes_support(platform(cluster=cluster), PLATFORM, on)) == expected


@pytest.fixture(scope="module")
def checked() -> Checked:
    return load_checked([PLATFORM, LLAMA_8B, RESNET])


GPU, CPU = (load_catalog("us-east-1").instance_type(name) for name in ("g6.xlarge", "m7i.large"))


def test_given_nodes_with_gpus_when_their_image_is_examined_then_its_parts_are_held_to_advisories() -> None:
    check = check_image_software(OperatingSystem.AL2023, [CPU, GPU], PLATFORM)
    told = [(problem.message.split(" of ")[0], problem.fix) for problem in check.problems]
    later = "update ai-on-eks; managed-node-groups start from the newest image that EKS has"
    bottlerocket = "set capacity.operating_system to bottlerocket, whose image has NVIDIA driver 580.178.04"
    assert told == [("containerd 2.2.4", later), ("NVIDIA driver 580.159.03", bottlerocket)]
    assert set(codes(check)) == {"vulnerable-node-image"}
    assert "container toolkit 1.19.1" in check.found
    assert "lesser: CVE-2026-41579" in check.found


def test_given_nodes_without_gpus_when_their_image_is_examined_then_no_driver_is() -> None:
    check = check_image_software(OperatingSystem.AL2023, [CPU])
    assert [problem.message.split(" ")[0] for problem in check.problems] == ["containerd"]
    assert "NVIDIA" not in check.found
    assert "toolkit" not in check.found


def test_given_an_image_of_unknown_parts_when_examined_then_they_are_told_to_be_unknown() -> None:
    check = check_image_software(OperatingSystem.BOTTLEROCKET, [GPU])
    assert check.found == "NVIDIA driver 580.178.04, container toolkit unknown, containerd unknown, runc unknown"
    assert check.verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("strategy", "others", "begins"),
    [
        (CapacityStrategy.KARPENTER, {}, "NVIDIA driver 580.159.03"),
        (CapacityStrategy.MANAGED_NODE_GROUPS, {"of-a-job": CapacityStrategy.KARPENTER}, "containerd 2.2.4"),
        (CapacityStrategy.MANAGED_NODE_GROUPS, {}, "EKS chooses the image"),
    ],
)
def test_given_a_project_when_examined_then_the_image_of_karpenters_nodes_alone_is(
    strategy: CapacityStrategy, others: dict[str, CapacityStrategy], begins: str, checked: Checked
) -> None:
    target, changes = checked.target, {"strategy": strategy, "pool_strategies": others}
    capacity = target.platform.capacity.model_copy(update=changes)
    wanted = replace(target, platform=target.platform.model_copy(update={"capacity": capacity}))
    check = check_node_software(replace(checked, target=wanted))
    assert check.found.startswith(begins)
    assert (check.verdict is Verdict.SKIPPED) == (begins == "EKS chooses the image")
    assert all(problem.file == target.file for problem in check.problems)


class FakeAccount:
    """Answers as boto3's clients do; a value that is an error is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def __call__(self, service: str) -> FakeAccount:
        assert service in {"sts", "ssm", "service-quotas"}
        return self

    def get_caller_identity(self) -> Mapping[str, Any]:
        identity: Mapping[str, Any] = self._answer("identity", {"Account": "111122223333"})
        return identity

    def get_parameters(self, *, Names: list[str]) -> Mapping[str, Any]:  # noqa: N803 - AWS' name
        assert Names == ["/cdk-bootstrap/hnb659fds/version"]
        return {"Parameters": self._answer("bootstrap", [{"Value": "30"}])}

    def get_service_quota(self, *, ServiceCode: str, QuotaCode: str) -> Mapping[str, Any]:  # noqa: N803 - AWS' names
        assert ServiceCode == "ec2"
        return {"Quota": {"QuotaName": "Running instances", "Value": self._answer(QuotaCode, 64.0)}}

    def _answer(self, name: str, usual: Any) -> Any:
        answer = self.answers.get(name, usual)
        if isinstance(answer, Exception):
            raise answer
        return answer


def findings(checked: Checked, account: FakeAccount) -> list[str]:
    return [problem.code for check in check_account(checked, account, TODAY) for problem in check.problems]


def test_given_a_plan_when_its_vcpus_are_added_up_then_they_are_those_of_its_nodes(checked: Checked) -> None:
    pools = {pool.instance_type.name: (pool.instance_type.vcpus, pool.node_count) for pool in checked.fleet.pools}
    assert all(name.startswith("g") for name in pools)
    system = 2 * 2  # m7i.large
    assert needed_vcpus(checked) == {
        STANDARD_QUOTA: system,
        G_QUOTA: sum(vcpus * nodes for vcpus, nodes in pools.values()),
    }


def test_given_an_account_with_room_when_asked_then_nothing_is_found(checked: Checked) -> None:
    assert findings(checked, FakeAccount()) == []


def test_given_a_quota_that_is_too_small_when_asked_then_the_command_that_raises_it_is_told(checked: Checked) -> None:
    needed = needed_vcpus(checked)[G_QUOTA]
    account = FakeAccount(**{G_QUOTA: float(needed - 1)})
    (problem,) = (problem for check in check_account(checked, account, TODAY) for problem in check.problems)
    assert problem.code == "quota-too-small"
    assert f"--quota-code {G_QUOTA} --desired-value {needed}" in (problem.fix or "")


def test_given_an_account_without_bootstrap_when_asked_then_it_is_found(checked: Checked) -> None:
    assert findings(checked, FakeAccount(bootstrap=[])) == ["not-bootstrapped"]
    assert findings(checked, FakeAccount(bootstrap=[{"Value": "5"}])) == ["not-bootstrapped"]


def test_given_no_credentials_when_asked_then_nothing_else_is_asked(checked: Checked) -> None:
    checks = check_account(checked, FakeAccount(identity=NoCredentialsError(), bootstrap=AssertionError()), TODAY)
    assert [(check.name, codes(check)) for check in checks] == [("credentials", ["account-not-asked"])]


def test_given_a_refusal_when_asked_then_the_other_answers_are_told_all_the_same(checked: Checked) -> None:
    refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetServiceQuota")
    checks = check_account(checked, FakeAccount(**{G_QUOTA: refused}), TODAY)
    assert {check.name: codes(check) for check in checks} == {
        "credentials": [],
        "bootstrap": [],
        f"quota {STANDARD_QUOTA}": [],
        f"quota {G_QUOTA}": ["account-not-asked"],
        "certificate": [],  # this platform has no gateway
    }


def test_given_credentials_of_another_account_when_asked_then_it_is_found(checked: Checked) -> None:
    other = {"Account": "444455556666"}
    wanted = checked.target.platform.model_copy(update={"account": "111122223333"})
    moved = Checked(
        type(checked.target)(checked.target.file, wanted, checked.target.catalog, ""),
        checked.models, checked.fleet, checked.workloads, checked.used, checked.images, checked.images_file,
        checked.jobs,
    )  # fmt: skip
    assert findings(moved, FakeAccount(identity=other)) == ["account-differs"]


def test_given_the_project_when_examined_then_its_findings_are_those_of_validate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    checks = {check["check"]: check for check in run_here(capsys, "doctor", PLATFORM, *MODELS, "--json").data["checks"]}
    validated = run_here(capsys, "validate", PLATFORM, *MODELS, "--json").data["findings"]
    project = ("plan", "prices", "catalogue", "images", "weights")
    assert [finding for name in project for finding in checks[name]["findings"]] == validated
    assert checks["cdk"]["verdict"] == "good"


def test_given_no_project_when_examined_then_the_machine_alone_is(tmp_path: Path) -> None:
    answer = run_process("doctor", "--json", cwd=tmp_path)
    assert [check["check"] for check in answer.data["checks"]][-1] == "project"
    assert answer.data["schema"] == "ai-on-eks/doctor/v1"


def test_given_no_project_when_the_account_is_to_be_asked_then_it_is_wrong_usage(tmp_path: Path) -> None:
    answer = run_process("doctor", "--account", "--json", cwd=tmp_path)
    assert (answer.code, answer.codes) == (2, ["nothing-planned"])


def test_given_an_account_that_nobody_is_in_when_asked_by_the_command_then_it_ends_with_findings(
    tmp_path: Path,
) -> None:
    environment = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    answer = run_process("doctor", PLATFORM, RESNET, "--account", "--json", environment=environment)
    asked = answer.data["checks"][-1]
    assert (answer.code, asked["check"], asked["verdict"]) == (1, "credentials", "finding")
