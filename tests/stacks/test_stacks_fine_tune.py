"""Fine-tuning jobs in the stacks: their controllers, nodes, rights and objects, and the rules over all of it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
import strategy_samples
from msgspec.structs import replace

from ai_on_eks.aws import fine_tune_charts
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.fine_tune_loading import load_fine_tune
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.descriptors.platform_storage import FsxForLustre, PlatformStorage
from ai_on_eks.errors import InputError
from ai_on_eks.kube.fine_tune import QUEUES_FILE, fine_tune_objects
from ai_on_eks.placement.training import TrainingPlan, plan_training
from ai_on_eks.placement.training_capacity import training_requests
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from ai_on_eks.serving.fine_tune import build_fine_tune
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.units import GIB
from stacks.application import Charts, Deployment, build_app

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
BUCKET_JOB, LUSTRE_JOB = "fine-tune/llama-8b-lora.yaml", "fine-tune-lustre/llama-8b-lustre.yaml"
POOL = "jobs-g6e-2xlarge"


LUSTRE = PlatformStorage(fsx=FsxForLustre(zone=samples.GPU_ZONE, size_gib=2400, training=True))


def plans(deployment: Deployment, file: str = BUCKET_JOB) -> list[TrainingPlan]:
    loaded = load_fine_tune(EXAMPLES / file)
    return [plan_training(loaded.job, loaded.inventory, load_catalog("us-east-1"), deployment.platform)]


@cache
def training(strategy: CapacityStrategy = CapacityStrategy.KARPENTER, file: str = BUCKET_JOB) -> Deployment:
    storage = {"storage": LUSTRE} if file == LUSTRE_JOB else {}
    plain = samples.deployment(capacity=Capacity(strategy=strategy), **storage)
    found = plans(plain, file)
    loaded = load_fine_tune(EXAMPLES / file)
    jobs = tuple(build_fine_tune(one, loaded.descriptor, plain.platform, load_images(None)) for one in found)
    return replace(plain, jobs=jobs, requests=(*plain.requests, *training_requests(found, 25 * GIB, 10 * GIB)))


def charts(deployment: Deployment, addresses: StorageAddresses) -> Charts:
    objects = fine_tune_objects(deployment.jobs, deployment.platform, addresses)
    queues = objects.pop(QUEUES_FILE)
    plain = strategy_samples.charts(deployment, addresses)
    return replace(plain, queues=queues, jobs={name.removesuffix(".yaml"): one for name, one in objects.items()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("fine-tune")
    deployment = training()
    build_app(deployment, lambda addresses: charts(deployment, addresses), outdir=str(outdir), validate=False).synth()
    return outdir


@pytest.fixture(scope="module")
def lustre_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("fine-tune-lustre")
    deployment = training(file=LUSTRE_JOB)
    build_app(deployment, lambda addresses: charts(deployment, addresses), outdir=str(outdir), validate=False).synth()
    return outdir


def resources(folder: Path, unit: str, kind: str) -> list[dict[str, Any]]:
    document = json.loads((folder / f"ai-{unit}.template.json").read_text())
    return [one for one in document["Resources"].values() if one["Type"] == kind]


def test_our_rules_find_nothing(folder: Path) -> None:
    assert findings(read_synth(folder)) == ()


def test_the_pool_of_jobs_has_room_for_image_and_checkpoints_and_is_started_by_a_controller() -> None:
    (request,) = training().job_requests
    assert (request.pool, request.nodes, request.models) == (POOL, 1, ("llama-8b-support",))
    (job,) = training().jobs
    disk = int(job.pod_spec["containers"][0]["resources"]["requests"]["ephemeral-storage"])
    assert request.root_volume_gib * GIB > disk + 2 * 25 * GIB


def test_nodes_that_would_run_all_the_time_are_refused() -> None:
    deployment = training(CapacityStrategy.MANAGED_NODE_GROUPS)
    with pytest.raises(InputError) as caught:
        build_app(deployment, lambda addresses: charts(deployment, addresses))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("jobs-without-controller", f"capacity.pool_strategies.{POOL}")


def test_the_controllers_of_jobs_are_installed_where_there_is_one_and_jobset_comes_first() -> None:
    names = [release.name for release in training().helm_releases()]
    assert names[-2:] == ["jobset", "kueue"]
    assert not {"jobset", "kueue"} & {release.name for release in samples.deployment().helm_releases()}
    _jobset, kueue = fine_tune_charts.releases()
    assert kueue.after == ("jobset",)


def test_a_job_reads_its_model_and_data_and_deletes_in_its_own_folder_alone(folder: Path) -> None:
    statements = {
        one["Sid"]: one
        for policy in resources(folder, "storage", "AWS::IAM::Policy")
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
    }
    deleting = [one for one in statements.values() if "s3:DeleteObject" in one["Action"]]
    assert [one["Sid"] for one in deleting] == ["KeepOwn"]
    assert str(deleting[0]["Resource"]).count("/finetunes/llama-8b-support/*") == 1
    assert "/datasets/*" in str(statements["ReadData"]["Resource"])
    accounts = {
        one["Properties"]["ServiceAccount"] for one in resources(folder, "storage", "AWS::EKS::PodIdentityAssociation")
    }
    assert "llama-8b-support" in accounts


def test_queues_are_applied_before_jobs(folder: Path) -> None:
    document = json.loads((folder / "ai-serving.template.json").read_text())["Resources"]
    (job,) = [one for name, one in document.items() if name.startswith("Job")]
    assert any(name.startswith("Queues") for name in job["DependsOn"])


def test_our_rules_find_nothing_in_a_job_on_lustre(lustre_folder: Path) -> None:
    assert findings(read_synth(lustre_folder)) == ()


def test_a_job_on_lustre_has_no_right_to_data_and_results_in_the_bucket(lustre_folder: Path) -> None:
    statements = [
        one["Sid"]
        for policy in resources(lustre_folder, "storage", "AWS::IAM::Policy")
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
        if "llama-8b-lustre" in str(policy["Properties"]["Roles"]) or "lustretrainer" in str(policy["Properties"])
    ]
    assert statements
    assert not {"ReadData", "ListOwn", "KeepOwn", "EncryptOwn"} & set(statements)


def test_volumes_of_a_job_on_lustre_have_the_address_of_the_file_system_that_is_made(lustre_folder: Path) -> None:
    document = json.loads((lustre_folder / "ai-serving.template.json").read_text())["Resources"]
    (job,) = [one for name, one in document.items() if name.startswith("Job")]
    manifest = str(job["Properties"]["Manifest"])
    assert manifest.count("fsx.csi.aws.com") == 2
    assert "LustreMountName" in manifest
    assert "/finetunes" in manifest


def test_nodes_of_a_job_on_lustre_stand_in_its_zone_or_nothing_is_synthesized() -> None:
    deployment = training(file=LUSTRE_JOB)
    (request,) = deployment.job_requests
    assert request.zones == (samples.GPU_ZONE,)
    elsewhere = tuple(replace(one, zones=("us-east-1a",)) if one is request else one for one in deployment.requests)
    moved = replace(deployment, requests=elsewhere)
    with pytest.raises(InputError) as caught:
        build_app(moved, lambda addresses: charts(moved, addresses))
    assert [problem.code for problem in caught.value.problems] == ["fsx-zone-mismatch"]


def test_jobs_that_share_nodes_share_the_zones_that_all_of_them_may_stand_in() -> None:
    plain = samples.deployment(storage=LUSTRE)
    found = [*plans(plain, BUCKET_JOB), *plans(plain, LUSTRE_JOB)]
    (request,) = training_requests(found, 25 * GIB, 10 * GIB)
    assert request.zones == (samples.GPU_ZONE,)
    assert request.models == ("llama-8b-lustre", "llama-8b-support")
