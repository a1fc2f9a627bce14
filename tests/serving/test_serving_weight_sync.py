"""The job that copies weights: what it is called, what it is given, and when it is not there."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.platform import ModelStore, Platform
from ai_on_eks.descriptors.platform_sync import WeightSync
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.errors import InputError
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.placement.types import Plan
from ai_on_eks.programs import weight_sync as program
from ai_on_eks.serving.types import ModelJob
from ai_on_eks.serving.weight_sync import FINAL_EXIT_CODES, MEMORY_BYTES, TOKEN_CLASS, deadline_seconds, program_text
from ai_on_eks.serving.workload import build_workload

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:hub-token-AbCdEf"  # noqa: S105 - names a secret
GB = 10**9


def platform(**sync: object) -> Platform:
    return plans.PLATFORM.model_copy(update={"model_store": ModelStore(sync=WeightSync(**sync))})  # type: ignore[arg-type]


def job(plan: Plan, on: Platform) -> ModelJob:
    found = build_workload(plan, on, plans.IMAGES).sync
    assert found is not None
    return found


def pinned(plan: Plan, revision: str | None) -> Plan:
    source = plan.descriptor.source.model_copy(update={"revision": revision})
    return replace(plan, descriptor=plan.descriptor.model_copy(update={"source": source}))


def test_given_a_platform_that_syncs_then_the_job_names_source_and_target_of_the_model() -> None:
    found = job(plans.llama(), platform())
    (container,) = found.pod_spec["containers"]
    assert container["args"] == [
        "--repository=meta-llama/Llama-3.1-8B-Instruct",
        f"--revision={plans.REVISION}",
        "--bucket=$(MODEL_BUCKET)",
        f"--prefix=models/llama-8b/{plans.REVISION}",
        "--format=safetensors",
    ]
    assert container["image"].startswith("docker.io/kserve/storage-initializer:v0.20.0@sha256:")
    assert found.pod_spec["serviceAccountName"] == "weight-sync"
    assert why_not_restricted(found.pod_spec) == ()


def test_given_a_platform_that_does_not_then_there_is_no_job() -> None:
    assert build_workload(plans.llama(), plans.PLATFORM, plans.IMAGES).sync is None


def test_given_a_model_whose_engine_goes_to_the_hub_itself_then_there_is_no_job() -> None:
    assert build_workload(plans.llama(storage=Storage.NODE), platform(), plans.IMAGES).sync is None


def test_given_a_token_then_it_comes_as_a_file_and_in_no_variable() -> None:
    found = job(plans.llama(), platform(hub_token=SECRET))
    (container,) = found.pod_spec["containers"]
    assert container["args"][-1] == "--token-file=/hub-token/token"
    (volume,) = [one for one in found.pod_spec["volumes"] if one["name"] == "hub-token"]
    assert volume["csi"] == {
        "driver": "secrets-store.csi.k8s.io",
        "readOnly": True,
        "volumeAttributes": {"secretProviderClass": TOKEN_CLASS},
    }
    assert {one["name"] for one in container["env"]} == {
        "AWS_REGION", "HOME", "MODEL_BUCKET", "PYTHONDONTWRITEBYTECODE",
    }  # fmt: skip


def test_given_the_same_model_twice_then_the_name_is_the_same_and_another_revision_has_another() -> None:
    first = job(plans.llama(), platform())
    assert first.name == job(plans.llama(), platform()).name
    other = job(pinned(plans.llama(), "1" * 40), platform())
    assert first.name.startswith("llama-8b-sync-")
    assert other.name != first.name


def test_given_a_model_name_of_full_length_then_the_jobs_name_still_fits() -> None:
    name = "m" * 53
    plan = plans.llama()
    found = job(replace(plan, descriptor=plan.descriptor.model_copy(update={"name": name})), platform())
    assert len(found.name) == 63


@pytest.mark.parametrize(
    ("stored_bytes", "bytes_per_second", "seconds"),
    [(16 * GB, 100 * 10**6, 900 + 480), (1300 * GB, 1000 * 10**6, 900 + 3900), (1, 10**9, 901)],
)
def test_given_bytes_and_bandwidth_then_the_deadline_is_three_times_the_copy_and_a_start(
    stored_bytes: int, bytes_per_second: int, seconds: int
) -> None:
    assert deadline_seconds(stored_bytes, bytes_per_second) == seconds


@pytest.mark.parametrize("revision", [None, "main", "v1.0", "0e9e39f"])
def test_given_a_revision_that_can_move_then_it_is_refused(revision: str | None) -> None:
    with pytest.raises(InputError) as caught:
        build_workload(pinned(plans.llama(), revision), platform(), plans.IMAGES)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.value) == ("revision-not-a-commit", "source.revision", revision)


def test_given_no_image_for_the_job_then_it_is_asked_for_only_where_a_job_is() -> None:
    images = {key: image for key, image in plans.IMAGES.items() if key != "weight-sync"}
    assert build_workload(plans.llama(), plans.PLATFORM, images).sync is None
    with pytest.raises(InputError) as caught:
        build_workload(plans.llama(), platform(), images)
    assert [(one.code, one.path) for one in caught.value.problems] == [("image-missing", "images.weight-sync")]


def test_the_program_fits_its_container_and_both_know_the_same_exit_code() -> None:
    """Parts read ahead, and as many on their way to the store, in half of the memory."""
    assert 2 * program.WINDOW * program.PART_BYTES <= MEMORY_BYTES / 2
    assert (program.EXIT_FINAL,) == FINAL_EXIT_CODES
    assert program.__doc__ is not None
    assert program.__doc__ in program_text()
