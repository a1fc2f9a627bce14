"""A snapshot in the hub's cache, whose files are links into the same repository's folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from ai_on_eks.descriptors.describe import describe
from ai_on_eks.descriptors.hub_cache import cached_file, cached_origin
from ai_on_eks.descriptors.places import Origin
from ai_on_eks.errors import InputError, Problem

COMMIT = "0123456789abcdef0123456789abcdef01234567"
INDEX = "model.safetensors.index.json"


def cache(folder: Path, snapshot: Path) -> Path:
    """Every file of `folder` as the hub's client keeps it; returns the snapshot."""
    blobs = snapshot.parents[1] / "blobs"
    blobs.mkdir(parents=True)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            name = hashlib.sha256(str(file).encode()).hexdigest()
            shutil.copyfile(file, blobs / name)
            link = snapshot / file.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            depth = len(link.relative_to(snapshot).parts)
            link.symlink_to(Path(*[".."] * (depth + 1), "blobs", name))
    return snapshot


def sharded(folder: Path) -> Path:
    folder.mkdir(parents=True)
    shards = {"model-00001-of-00002.safetensors": "embed", "model-00002-of-00002.safetensors": "lm_head.weight"}
    for shard, tensor in shards.items():
        save_file({tensor: np.zeros((100, 16), np.float16)}, folder / shard)
    weight_map = {tensor: shard for shard, tensor in shards.items()}
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 6400}, "weight_map": weight_map}))
    return folder


def with_external_data(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    tensor = numpy_helper.from_array(np.zeros((64, 64), np.float32), "w")
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["out"])], "g", [], [out], [tensor])
    onnx.save(
        helper.make_model(graph), str(folder / "m.onnx"), save_as_external_data=True, location="m.bin", size_threshold=0
    )
    return folder


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return tmp_path / "hub" / "models--org--My-Model" / "snapshots" / COMMIT


def refused(source: Path) -> Problem:
    with pytest.raises(InputError) as caught:
        describe(str(source))
    (problem,) = caught.value.problems
    return problem


def test_given_shards_in_the_cache_when_described_then_they_are_read_and_the_repository_is_named(
    tmp_path: Path, snapshot: Path
) -> None:
    plain = describe(str(sharded(tmp_path / "plain") / INDEX))
    cached = describe(str(cache(tmp_path / "plain", snapshot) / INDEX))
    source = cached.descriptor.source
    assert (source.uri, source.revision) == ("hf://org/My-Model", COMMIT)
    assert cached.notes == plain.notes
    assert cached.descriptor.model_copy(update={"source": plain.descriptor.source}) == plain.descriptor


def test_given_a_file_in_a_folder_of_the_cache_when_described_then_its_path_in_the_repository_is_kept(
    tmp_path: Path, snapshot: Path
) -> None:
    with_external_data(tmp_path / "plain" / "onnx")
    found = describe(str(cache(tmp_path / "plain", snapshot) / "onnx" / "m.onnx")).descriptor
    assert (found.source.uri, found.source.file) == ("hf://org/My-Model", "onnx/m.onnx")
    assert found.architecture.parameters == 64 * 64


@pytest.mark.parametrize("target", ["elsewhere", "other repository", "blobs is a link", "not a hash", "link to a link"])
def test_given_a_link_that_leads_out_of_the_repository_when_described_then_it_is_not_followed(
    target: str, tmp_path: Path, snapshot: Path
) -> None:
    cache(sharded(tmp_path / "plain"), snapshot)
    shard = snapshot / "model-00002-of-00002.safetensors"
    blobs = snapshot.parents[1] / "blobs"
    blob = blobs / shard.resolve().name
    shard.unlink()
    outside = tmp_path / "outside"
    shutil.copyfile(blob, outside)
    if target == "elsewhere":
        shard.symlink_to(outside)
    elif target == "other repository":
        other = snapshot.parents[2] / "models--org--other" / "blobs"
        other.mkdir(parents=True)
        shutil.copyfile(blob, other / blob.name)
        shard.symlink_to(Path("../../../models--org--other/blobs", blob.name))
    elif target == "blobs is a link":
        blobs.rename(tmp_path / "moved")
        blobs.symlink_to(tmp_path / "moved")
        shard.symlink_to(Path("../../blobs", blob.name))
    elif target == "not a hash":
        shutil.copyfile(blob, blobs / "name")
        shard.symlink_to("../../blobs/name")
    else:
        blob.unlink()
        blob.symlink_to(outside)
        shard.symlink_to(Path("../../blobs", blob.name))
    problem = refused(snapshot / INDEX)
    refused_shard = snapshot / "model-00001-of-00002.safetensors" if target == "blobs is a link" else shard
    assert (problem.code, problem.file) == ("file-not-readable", str(refused_shard))
    assert "is a link" in problem.message


def test_given_external_data_behind_a_foreign_link_when_described_then_it_is_refused(
    tmp_path: Path, snapshot: Path
) -> None:
    cache(with_external_data(tmp_path / "plain"), snapshot)
    (snapshot / "m.bin").unlink()
    (snapshot / "m.bin").symlink_to(tmp_path / "plain" / "m.bin")
    assert "symbolic link" in refused(snapshot / "m.onnx").message


def test_given_a_folder_that_only_looks_like_the_cache_when_asked_then_its_links_stand_for_nothing(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "models--org--name" / "snapshots" / "main"
    folder.mkdir(parents=True)
    (folder / "x").symlink_to(Path("../../blobs", "a" * 40))
    assert cached_file(folder / "x") is None
    assert cached_file(folder / "absent") is None


def test_given_folders_of_the_cache_when_asked_then_repository_commit_and_path_are_told(snapshot: Path) -> None:
    top = Origin("My-Model", "hf://org/My-Model", COMMIT)
    assert cached_origin(snapshot) == top
    assert cached_origin(snapshot / "onnx") == replace(top, inside="onnx/")
    assert cached_origin(snapshot.parent) is None
    assert cached_origin(snapshot.parents[2] / "models--gpt2" / "snapshots" / COMMIT) is None
