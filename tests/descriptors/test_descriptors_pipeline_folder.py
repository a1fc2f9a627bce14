"""A descriptor from a diffusers folder."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from diffusion_configs import CLIP_G, CLIP_L, FLUX, SDXL, SDXL_UNET, SDXL_VAE, Config

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.describe import describe, to_yaml
from ai_on_eks.descriptors.image_generation import Offload
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.schema import Family, Format, Kind, WeightPrecision
from ai_on_eks.errors import InputError

ENTRIES = {
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "image_encoder": [None, None],
}


def folder_of(pipeline: Config, path: Path) -> Path:
    """A folder as diffusers saves it, without weights."""
    index: dict[str, Any] = {"_class_name": pipeline["_class_name"], "_diffusers_version": "0.42.1"}
    for key, config in pipeline.items():
        if isinstance(config, dict):
            index[key] = ENTRIES.get(key, ["diffusers", config.get("_class_name", "Model")])
            (path / key).mkdir(parents=True)
            (path / key / "config.json").write_text(json.dumps(config))
    index |= {key: entry for key, entry in ENTRIES.items() if key in ("scheduler", "tokenizer", "image_encoder")}
    (path / "model_index.json").write_text(json.dumps(index))
    return path


def weigh(file: Path, data_type: str, elements: int) -> None:
    """One tensor in the safetensors format."""
    size = elements * {"F16": 2, "F32": 4}[data_type]
    header = json.dumps({"w": {"dtype": data_type, "shape": [elements], "data_offsets": [0, size]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))


def test_given_a_diffusers_folder_when_described_then_the_descriptor_loads_and_counts_the_same(tmp_path: Path) -> None:
    folder = folder_of(SDXL, tmp_path / "stable-diffusion-xl")
    weigh(folder / "unet" / "diffusion_pytorch_model.fp16.safetensors", "F16", 8)
    weigh(folder / "unet" / "diffusion_pytorch_model.safetensors", "F32", 8)
    found = describe(str(folder))
    descriptor = found.descriptor
    assert (descriptor.kind, descriptor.task) == (Kind.FOUNDATION, "text-to-image")
    assert descriptor.architecture.family is Family.DIFFUSION
    assert descriptor.source.format is Format.SAFETENSORS
    assert descriptor.precision is not None
    assert descriptor.precision.weights is WeightPrecision.FP32
    file = tmp_path / "sdxl.yaml"
    file.write_text(to_yaml(descriptor, found.notes))
    assert load_descriptor(file).architecture == descriptor.architecture


def test_given_a_described_folder_when_an_image_is_asked_for_then_it_is_what_the_pipeline_makes(tmp_path: Path) -> None:
    found = describe(str(folder_of(SDXL, tmp_path / "a")))
    file = tmp_path / "sdxl.yaml"
    asked = "serving:\n  image: {width: 1536, height: 1024, steps: 30, guidance: false, offload: model}\n"
    file.write_text(to_yaml(found.descriptor) + asked)
    image = build_inventory(load_descriptor(file)).image
    assert image is not None
    assert (image.width, image.height, image.steps, image.guided) == (1536, 1024, 30, False)
    assert image.offload is Offload.MODEL


def test_given_a_config_with_more_keys_then_only_those_that_matter_are_written(tmp_path: Path) -> None:
    unet = SDXL_UNET | {"act_fn": "silu", "dropout": 0.0}
    config = describe(str(folder_of(SDXL | {"unet": unet}, tmp_path / "a"))).descriptor.architecture.config
    assert isinstance(config, dict)
    assert "act_fn" not in config["unet"]
    assert set(config) == set(SDXL)


def test_given_no_weights_when_described_then_an_encoder_names_the_data_type(tmp_path: Path) -> None:
    pipeline = FLUX | {"text_encoder": CLIP_L | {"torch_dtype": "bfloat16"}}
    found = describe(str(folder_of(pipeline, tmp_path / "flux")))
    assert found.descriptor.precision is not None
    assert found.descriptor.precision.weights is WeightPrecision.BF16
    assert "no weights in the folder: safetensors assumed" in found.notes


def test_given_an_encoder_of_no_known_class_then_it_is_counted_from_its_weights(tmp_path: Path) -> None:
    folder = folder_of(SDXL | {"text_encoder": {"model_type": "mystery"}}, tmp_path / "a")
    weigh(folder / "text_encoder" / "model.safetensors", "F16", 1000)
    found = describe(str(folder))
    config = found.descriptor.architecture.config
    assert isinstance(config, dict)
    assert config["text_encoder"] == {"parameters": 1000}
    assert any("counted from model.safetensors" in note for note in found.notes)


def test_given_a_checker_of_no_known_class_and_no_weights_then_it_is_left_out(tmp_path: Path) -> None:
    found = describe(str(folder_of(SDXL | {"safety_checker": {"model_type": "mystery"}}, tmp_path / "a")))
    assert any(note.startswith("safety_checker") for note in found.notes)


@pytest.mark.parametrize(
    ("changes", "file", "path"),
    [
        ({"unet": SDXL_UNET | {"block_out_channels": None}}, "unet/config.json", "block_out_channels"),
        ({"text_encoder_2": CLIP_G | {"model_type": "mystery"}}, "text_encoder_2/config.json", "model_type"),
        ({"vae": SDXL_VAE | {"_class_name": "AutoencoderMystery"}}, "vae/config.json", "_class_name"),
        ({"_class_name": "MysteryPipeline"}, "model_index.json", "_class_name"),
    ],
)
def test_given_a_network_that_is_not_known_when_described_then_its_own_file_is_named(
    changes: Config, file: str, path: str, tmp_path: Path
) -> None:
    folder = folder_of(SDXL | changes, tmp_path / "a")
    with pytest.raises(InputError) as caught:
        describe(str(folder))
    (problem,) = caught.value.problems
    assert (problem.file, problem.path) == (str(folder / file), path)


@pytest.mark.parametrize(("text", "code"), [("{}", "missing-hyperparameter"), ("[]", "not-a-mapping")])
def test_given_an_index_that_names_nothing_when_described_then_it_is_refused(
    text: str, code: str, tmp_path: Path
) -> None:
    (tmp_path / "model_index.json").write_text(text)
    with pytest.raises(InputError) as caught:
        describe(str(tmp_path))
    assert [problem.code for problem in caught.value.problems] == [code]


def test_given_a_lone_transformer_when_described_then_it_is_a_foundation_model_that_makes_images(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(FLUX["transformer"]))
    found = describe(str(tmp_path))
    assert (found.descriptor.kind, found.descriptor.task) == (Kind.FOUNDATION, "text-to-image")
    assert any("one network of a pipeline" in note for note in found.notes)
