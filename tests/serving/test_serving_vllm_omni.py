"""What vLLM-Omni is started with: the image that was sized, by its own pipeline or by diffusers'."""

from __future__ import annotations

from typing import Any

import pytest
import serving_plans as plans

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.descriptors.architectures.registry import MODULES
from ai_on_eks.descriptors.image_generation import Offload
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload


def spec(plan: Plan) -> Json:
    return build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec


def arguments(plan: Plan) -> list[str]:
    found: list[str] = spec(plan)["containers"][0]["args"]
    return found


def test_given_flux_then_no_larger_image_is_made_than_was_sized() -> None:
    made = arguments(plans.flux())
    assert made[:7] == [
        "/models",
        "--omni",
        "--served-model-name=flux",
        "--port=8000",
        "--dtype=bfloat16",
        "--max-generated-image-size=1048576",
        '--default-sampling-params={"0":{"height":1024,"num_inference_steps":28,"width":1024}}',
    ]
    (stage, whole) = (int(argument.partition("=")[2]) for argument in made[7:9])
    probe = spec(plans.flux())["containers"][0]["startupProbe"]
    assert 600 <= stage == whole <= probe["periodSeconds"] * probe["failureThreshold"]
    assert made[9:] == ["--shutdown-timeout=600"]


def test_given_what_saves_memory_then_its_flags_are_passed() -> None:
    asked = {"offload": Offload.MODEL, "sliced": True, "tiled": True}
    flags = arguments(plans.flux(asked=asked))
    assert flags[7:10] == ["--enable-cpu-offload", "--vae-use-slicing", "--vae-use-tiling"]


def test_given_a_video_then_its_frames_are_made() -> None:
    assert '"num_frames":81' in arguments(plans.flux(asked={"frames": 81}))[6]


def test_given_a_pipeline_that_the_server_has_not_then_diffusers_runs_it() -> None:
    assert "--diffusion-load-format=diffusers" in arguments(plans.flux(pipeline="PixArtSigmaPipeline"))
    assert "--diffusion-load-format=diffusers" not in arguments(plans.flux())


def test_given_the_catalogue_then_adapted_pipelines_are_loaded_ones_that_sizing_reads() -> None:
    engine = load_engines()["vllm-omni"]
    read = {name for names in MODULES.values() for name in names}
    assert set(engine.adapted_types) < set(engine.model_types) <= read
    assert "FluxPipeline" not in engine.adapted_types


def test_given_the_store_then_one_copy_of_each_network_is_fetched() -> None:
    (fetch,) = spec(plans.flux())["initContainers"]
    assert fetch["args"][4:8] == [
        "--exclude=*.safetensors",
        "--include=*/*.safetensors",
        "--exclude=*.fp16.safetensors",
        "--exclude=*.non_ema.safetensors",
    ]


def test_given_a_running_video_then_its_pod_waits_for_it() -> None:
    pod = spec(plans.flux())
    sleep = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > sleep + 600


def test_given_results_of_one_rank_then_they_have_shared_memory() -> None:
    volumes = {volume["name"]: volume for volume in spec(plans.flux())["volumes"]}
    assert volumes["shared-memory"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "4096Mi"}


def test_given_the_hub_then_it_is_refused_as_nothing_downloads_it() -> None:
    with pytest.raises(InputError, match="reads weights from local files and downloads none"):
        spec(plans.flux(storage=Storage.NODE))


def environment(plan: Plan) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in spec(plan)["containers"][0]["env"]}


def test_given_videos_then_they_do_not_stay_for_ever_and_lie_on_the_cache() -> None:
    found = environment(plans.flux())
    assert found["VLLM_OMNI_SERVER_STORAGE__FILE_TTL"] == "3600"
    assert found["VLLM_OMNI_SERVER_STORAGE__PATH"].startswith("/cache/")
    assert found["HF_HUB_OFFLINE"] == "1"
