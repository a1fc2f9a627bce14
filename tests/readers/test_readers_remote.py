"""Every format read from a server by range: the same description as from a folder, and no more than the header."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from diffusion_configs import FLUX
from gguf import GGUFWriter
from hub_server import COMMIT, Server, hub_environment, serve
from onnx import TensorProto, helper, numpy_helper
from readers_protobuf_bytes import (
    table,
    tf_constant,
    tf_entry,
    tf_folder,
    tf_graph,
    tf_header,
    tf_meta_graph,
    tf_node,
    tf_saved_model,
    tf_tensor,
)
from safetensors.numpy import save_file

from ai_on_eks.descriptors.describe import Description, describe, describe_place
from ai_on_eks.descriptors.remote.opening import open_remote
from ai_on_eks.descriptors.remote.ranges import FIRST_BYTES

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

ROWS = 4096
FLOAT32 = 1


def write_shard(folder: Path) -> str:
    save_file({"lm_head.weight": np.zeros((ROWS, 512), np.float16), "norm": np.zeros(512, np.float16)},
              folder / "model.safetensors")  # fmt: skip
    return "model.safetensors"


def write_shards(folder: Path) -> str:
    places = {"embed": "model-00001-of-00002.safetensors", "lm_head.weight": "model-00002-of-00002.safetensors"}
    for tensor, shard in places.items():
        save_file({tensor: np.zeros((ROWS, 512), np.float16)}, folder / shard)
    index = {"metadata": {"total_size": 2 * ROWS * 512 * 2}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return "model.safetensors.index.json"


def write_gguf(folder: Path) -> str:
    writer = GGUFWriter(str(folder / "tiny.Q8_0.gguf"), "llama")
    writer.add_block_count(1)
    writer.add_token_list([f"token {number} of a vocabulary" for number in range(20_000)])
    writer.add_tensor("token_embd.weight", np.zeros((ROWS, 512), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return "tiny.Q8_0.gguf"


def write_onnx(folder: Path) -> str:
    return _onnx(folder, external=False)


def write_onnx_with_external_data(folder: Path) -> str:
    return _onnx(folder, external=True)


def _onnx(folder: Path, *, external: bool) -> str:
    tensors = [numpy_helper.from_array(np.zeros((ROWS, 512), np.float32), f"w{number}") for number in range(3)]
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Identity", ["w0"], ["out"])], "g", [], [out], tensors)
    path = str(folder / "model.onnx")
    onnx.save(helper.make_model(graph), path, save_as_external_data=external, location="weights.bin")
    return "model.onnx"


def write_pytorch(folder: Path) -> str:
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"never read")
        for number in range(8):
            archive.writestr(f"model/data/{number}", bytes(ROWS * 256))
    return "model.pt"


def write_saved_model(folder: Path) -> str:
    saved = tf_saved_model(tf_meta_graph(tf_graph(tf_node("v", "VarHandleOp"))))
    rows = [(b"", tf_header()), (b"layer/kernel", tf_entry(FLOAT32, [ROWS, 512], 0, ROWS * 512 * 4))]
    tf_folder(folder, saved, table(rows), ROWS * 512 * 4)
    return ""


def write_frozen_graph(folder: Path) -> str:
    constant = tf_tensor(FLOAT32, [ROWS, 512], b"\x22" + _varint(ROWS * 512 * 4) + bytes(ROWS * 512 * 4))
    (folder / "frozen.pb").write_bytes(tf_graph(tf_constant("w", constant)))
    return "frozen.pb"


def write_transformers(folder: Path) -> str:
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "bfloat16", "vocab_size": 1000,
        "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "max_position_embeddings": 2048,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modules.json").write_text("[]")
    write_shards(folder)
    return ""


def write_diffusers(folder: Path) -> str:
    index: dict[str, object] = {"_class_name": "FluxPipeline"}
    for key in ("transformer", "vae", "text_encoder", "text_encoder_2"):
        config = FLUX[key]
        index[key] = ["diffusers", config.get("_class_name", "Encoder")]
        (folder / key).mkdir()
        (folder / key / "config.json").write_text(json.dumps(config))
        save_file({"w": np.zeros((ROWS, 512), np.float16)}, folder / key / "diffusion_pytorch_model.safetensors")
    (folder / "model_index.json").write_text(json.dumps(index))
    return ""


def _varint(value: int) -> bytes:
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def without_origin(description: Description) -> tuple[object, ...]:
    found = description.descriptor
    source = found.source.model_copy(update={"uri": "file:///x", "revision": None})
    return found.model_copy(update={"source": source}), description.notes


FORMATS: list[tuple[Callable[[Path], str], int, int]] = [
    (write_shard, 1, FIRST_BYTES),
    (write_shards, 2, 2 * FIRST_BYTES + 1024),
    (write_gguf, 3, 2**20),
    (write_onnx, 6, 6 * FIRST_BYTES),
    (write_onnx_with_external_data, 1, FIRST_BYTES),
    (write_pytorch, 3, 3 * FIRST_BYTES),
    (write_saved_model, 2, FIRST_BYTES),
    (write_frozen_graph, 3, 3 * FIRST_BYTES),
    (write_transformers, 0, 1024),
    (write_diffusers, 1, FIRST_BYTES + 4096),
]
"""What is written, the most ranges it may take, and the most bytes of files."""


@pytest.mark.parametrize(
    ("write", "most_ranges", "most_bytes"), FORMATS, ids=lambda value: getattr(value, "__name__", "")
)
def test_given_a_model_on_the_hub_when_described_then_it_is_as_from_a_folder_and_only_headers_are_transferred(
    write: Callable[[Path], str], most_ranges: int, most_bytes: int, tmp_path: Path
) -> None:
    folder = tmp_path / "My-Model"
    folder.mkdir()
    name = write(folder)
    server = Server(folder)
    with serve(server):
        found = describe_place(open_remote(f"hf://org/My-Model/{name}".rstrip("/"), hub_environment(server)))
    assert without_origin(found) == without_origin(describe(str(folder / name)))
    assert (found.descriptor.source.uri, found.descriptor.source.revision) == ("hf://org/My-Model", COMMIT)
    assert len(server.ranges()) <= most_ranges
    assert server.sent_bytes <= most_bytes
    asked = [(one.path, one.range) for one in server.requests if one.path.startswith("/files/")]
    assert len(set(asked)) == len(asked), "the same piece was transferred twice"


def test_given_a_file_of_five_gigabytes_when_described_then_few_requests_are_made(tmp_path: Path) -> None:
    """A published 8 B model has 291 tensors; here 2,000, of 2.5 MB each."""
    entries, at = {}, 0
    for number in range(2000):
        entries[f"model.layers.{number}.mlp.down_proj.weight"] = {
            "dtype": "BF16", "shape": [1250, 1000], "data_offsets": [at, at + 2_500_000]
        }  # fmt: skip
        at += 2_500_000
    header = json.dumps(entries).encode()
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", len(header)) + header)
        stream.truncate(8 + len(header) + at)
    server = Server(tmp_path)
    with serve(server):
        place = open_remote("hf://org/My-Model/model.safetensors", hub_environment(server))
        found = describe_place(place).descriptor
    assert found.architecture.parameters == 2000 * 1250 * 1000
    assert len(server.ranges()) <= 3
    assert server.sent_bytes <= 2 * len(header) + FIRST_BYTES
