"""What is fuzzed: one function per kind of untrusted file, from bytes to an answer or a typed error.

The bytes are written to a file in memory and read by the same function that the product calls, so that opening, sizes
and lookups beside the file belong to what is tested.

weight files   the header readers
documents      JSON and YAML as such
models         what a document says, down to the tensors it leads to: hostile values, not only hostile spelling
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from msgspec import Struct, field

MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one

SMALLEST_SAVED_MODEL = bytes.fromhex("0801 1202 1200")
"""Schema version 1; one MetaGraphDef whose GraphDef is empty."""

SHARDS = {
    name: len(header).to_bytes(8, "little") + header + bytes(6)
    for name in ("t", "\u00e9")
    for header in (f'{{"{name}":{{"dtype":"U8","shape":[6],"data_offsets":[0,6]}}}}'.encode(),)
}
"""Safetensors files of one tensor of six bytes, by its name."""

BERT = (
    b'{"model_type":"bert","architectures":["BertModel"],"hidden_size":64,"intermediate_size":128,'
    b'"num_hidden_layers":2,"num_attention_heads":4,"vocab_size":100,"type_vocab_size":2,'
    b'"max_position_embeddings":64,"torch_dtype":"float32"}'
)

LLAMA = (
    b'{"model_type":"llama","architectures":["LlamaForCausalLM"],"hidden_size":64,"intermediate_size":128,'
    b'"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":100,'
    b'"max_position_embeddings":64,"torch_dtype":"bfloat16"'
)

FLUX = (
    b'{"_class_name":"FluxTransformer2DModel","attention_head_dim":8,"guidance_embeds":true,"in_channels":4,'
    b'"joint_attention_dim":8,"num_attention_heads":2,"num_layers":1,"num_single_layers":1,"pooled_projection_dim":8}'
)

VAE = (
    b'{"_class_name":"AutoencoderKL","block_out_channels":[32,64],"layers_per_block":1,"latent_channels":4,'
    b'"sample_size":32,"down_block_types":["DownEncoderBlock2D","DownEncoderBlock2D"],'
    b'"up_block_types":["UpDecoderBlock2D","UpDecoderBlock2D"]}'
)

FLUX_INDEX = (
    b'{"_class_name":"FluxPipeline","transformer":["diffusers","FluxTransformer2DModel"],'
    b'"vae":["diffusers","AutoencoderKL"]}'
)


class Target(Struct, frozen=True):
    """function  module.name of what reads the file
    file         name that the input gets
    opened       name that the function is given: another file, or the folder (``.``)
    beside       files that lie there too
    around       bytes before and after the input
    """

    function: str
    file: str
    opened: str | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)
    around: tuple[bytes, bytes] = (b"", b"")

    @property
    def is_document(self) -> bool:
        """Whether the input is mutated value by value too."""
        return self.file.endswith((".json", ".yaml"))


_READERS = "ai_on_eks.descriptors.readers"
_DOCUMENTS = "ai_on_eks.descriptors.documents"
_DESCRIBE = "ai_on_eks.descriptors.describe.describe"
_LOADING = "ai_on_eks.descriptors.loading"

READERS: Mapping[str, Target] = {
    "safetensors": Target(f"{_READERS}.safetensors.read_header", "model.safetensors"),
    "safetensors-index": Target(
        f"{_READERS}.safetensors.read_header",
        "model.safetensors.index.json",
        beside={"a.safetensors": SHARDS["t"], "b.safetensors": SHARDS["\u00e9"]},
    ),
    "gguf": Target(f"{_READERS}.gguf.read_header", "model.gguf"),
    "onnx": Target(f"{_READERS}.onnx.read_header", "model.onnx"),
    "pytorch": Target(f"{_READERS}.pytorch.read_header", "model.pt"),
    "tensorflow": Target(f"{_READERS}.tensorflow.read_header", "saved_model.pb"),
    "tensorflow-graph": Target(f"{_READERS}.tensorflow.read_header", "graph.pb"),
    "tensorflow-variables": Target(
        f"{_READERS}.tensorflow.read_header",
        "variables/variables.index",
        "saved_model.pb",
        {"saved_model.pb": SMALLEST_SAVED_MODEL},
    ),
    "json": Target(f"{_DOCUMENTS}.read_json", "config.json"),
    "yaml": Target(f"{_DOCUMENTS}.read_yaml", "model.yaml"),
    "config": Target(_DESCRIBE, "config.json", "."),
    "quantization-config": Target(_DESCRIBE, "config.json", ".", around=(LLAMA + b',"quantization_config":', b"}")),
    "model-index": Target(
        _DESCRIBE,
        "model_index.json",
        ".",
        {"transformer/config.json": FLUX, "vae/config.json": VAE, "text_encoder/config.json": BERT},
    ),
    "network-config": Target(
        _DESCRIBE, "transformer/config.json", ".", {"model_index.json": FLUX_INDEX, "vae/config.json": VAE}
    ),
    "sentence-modules": Target(_DESCRIBE, "modules.json", ".", {"config.json": BERT}),
    "sentence-settings": Target(_DESCRIBE, "config_sentence_transformers.json", ".", {"config.json": BERT}),
    "descriptor": Target(f"{_LOADING}.load_descriptor", "model.yaml"),
    "platform": Target(f"{_LOADING}.load_platform", "platform.yaml"),
    "images": Target("ai_on_eks.serving.images.load_images", "images.yaml"),
}


def target(reader: str, folder: Path | None = None) -> Callable[[bytes], object]:
    """A function that reads its bytes as a file of that kind; errors pass through."""
    chosen = READERS[reader]
    parent = MEMORY if folder is None and MEMORY.is_dir() else folder
    place = Path(tempfile.mkdtemp(dir=parent))
    for name, content in {**chosen.beside, chosen.file: b""}.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(content)
    module, _, name = chosen.function.rpartition(".")
    read = getattr(import_module(module), name)
    opened = place / (chosen.opened or chosen.file)
    given = str(opened) if chosen.function == _DESCRIBE else opened
    before, after = chosen.around
    handle = os.open(place / chosen.file, os.O_RDWR)

    def read_bytes(data: bytes) -> object:
        content = before + data + after
        os.ftruncate(handle, len(content))
        os.pwrite(handle, content, 0)
        return read(given)

    return read_bytes
