"""A descriptor from the header of a weight file, where no config lies beside it.

    parameters  the sum over the tensors, exactly as stored
    precision   the data type that most bytes are stored in
    family      a CNN when most parameters are in convolution kernels, else a transformer
    config      only of GGUF files of known architectures, and only when it accounts for every stored parameter;
                with the type that each tensor is stored in, so that the size is that of the file

A header names tensors and not what they are for, so kind, task and family are guesses, and every guess is a note that
the user reads. Sizes follow from the stored tensors and are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from math import prod
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.origins import source_of
from ai_on_eks.descriptors.places import Origin, Place
from ai_on_eks.descriptors.readers.types import StoredTensor, WeightHeader
from ai_on_eks.descriptors.schema import (
    Architecture,
    Descriptor,
    Family,
    Format,
    Kind,
    Precision,
    Source,
    WeightPrecision,
)
from ai_on_eks.errors import InputError

READERS: Mapping[str, str] = {
    ".safetensors": "safetensors",
    ".safetensors.index.json": "safetensors",
    ".gguf": "gguf",
    ".onnx": "onnx",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".bin": "pytorch",
    ".ckpt": "pytorch",
    ".pb": "tensorflow",
}
"""End of a file's name -> the module in `descriptors.readers` that reads it, which is also the format."""

_DATA_TYPES: Mapping[str, WeightPrecision] = {
    "f32": WeightPrecision.FP32,
    "float32": WeightPrecision.FP32,
    "f16": WeightPrecision.FP16,
    "float16": WeightPrecision.FP16,
    "bf16": WeightPrecision.BF16,
    "bfloat16": WeightPrecision.BF16,
    "f8_e4m3": WeightPrecision.FP8,
    "f8_e5m2": WeightPrecision.FP8,
    "float8_e4m3fn": WeightPrecision.FP8,
    "float8_e5m2": WeightPrecision.FP8,
    "i8": WeightPrecision.INT8,
    "u8": WeightPrecision.INT8,
    "int8": WeightPrecision.INT8,
    "uint8": WeightPrecision.INT8,
    "int4": WeightPrecision.INT4,
    "uint4": WeightPrecision.INT4,
}
_GGUF_FULL = frozenset({"f32", "f16", "bf16"})
_GGUF_FOUR_BITS_AT_MOST = 5.0
"""Bits of a weight with its share of scales: the 4-bit block types take 4.25 to 5.0, those of 5 bits 5.5 and more."""

_GGUF_MODEL_TYPES = {"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
"""`general.architecture` -> transformers' model type, where the tensors are the same."""
_GGUF_ENCODERS = ("bert", "nomic-bert", "jina-bert-v2", "modern-bert")

_CONVOLUTION_SHARE = 0.5
_CONFIG_TOLERANCE = 0.001
"""A file may add small tensors (llama 3's `rope_freqs`) that no hyper-parameter names."""

_FLOAT32_BYTES = 4
_BLOCK_PARTS = 3
"""Of a name such as `blk.7.attn_v.weight`: what stands before its second dot, and all behind it."""


class _Purpose(Struct, frozen=True):
    kind: Kind
    task: str | None
    family: Family
    why: str


def is_weight_source(path: Place) -> bool:
    """Does `path` name something that one of the readers reads?"""
    return _reader_of(path) is not None


def describe_weights(path: Place, *, name: str, origin: Origin) -> tuple[Descriptor, tuple[str, ...]]:
    """The descriptor of one weight file, index or SavedModel folder, and what was guessed. `origin` is of its folder.

    Raises `InputError` for a malformed file and for one that holds no weights.
    """
    stored = _reader_of(path)
    if stored is None:
        raise refuse("source-not-supported", "is no weight file", str(path), fix=f"name one of *{', *'.join(READERS)}")
    header: WeightHeader = import_module(f"ai_on_eks.descriptors.readers.{stored}").read_header(path)
    purpose = _purpose(header)
    precision, precision_note = _precision(header, str(path))
    architecture, architecture_note = _architecture(header, purpose, str(path))
    is_named = stored in ("onnx", "gguf") or header.metadata.get("kind") == "torchscript"
    named = path.is_file() and (is_named or origin.inside or not origin.listed)
    descriptor = Descriptor(
        name=name,
        kind=purpose.kind,
        task=purpose.task,
        source=source_of(origin, path.name if named else None, Format(stored), str(path)),
        architecture=architecture,
        precision=precision,
    )
    guess = f"kind, task and family guessed ({purpose.why}): check them"
    return descriptor, (guess, architecture_note, precision_note)


def _reader_of(path: Place) -> str | None:
    if path.is_dir():
        return "tensorflow" if (path / "saved_model.pb").is_file() else None
    endings = sorted((ending for ending in READERS if path.name.endswith(ending)), key=len)
    return READERS[endings[-1]] if endings else None


def _purpose(header: WeightHeader) -> _Purpose:
    if header.format == "gguf":
        return _gguf_purpose(str(header.metadata.get("general.architecture", "")))
    if header.parameters and _convolutions(header) / header.parameters > _CONVOLUTION_SHARE:
        why = "most parameters are in convolution kernels"
        return _Purpose(Kind.TASK_SPECIFIC, "image-classification", Family.CNN, why)
    return _transformer_purpose(header)


def _gguf_purpose(architecture: str) -> _Purpose:
    """The only format whose header says what the model is."""
    why = f"the file says {architecture or 'nothing'}"
    if architecture in _GGUF_ENCODERS:
        return _Purpose(Kind.EMBEDDING, "feature-extraction", Family.TRANSFORMER, why)
    return _Purpose(Kind.FOUNDATION, "text-generation", Family.TRANSFORMER, why)


def _transformer_purpose(header: WeightHeader) -> _Purpose:
    names = [tensor.name for tensor in header.tensors]
    if any("lm_head" in name for name in names):
        return _Purpose(Kind.FOUNDATION, "text-generation", Family.TRANSFORMER, "a tensor is called lm_head")
    if header.format in ("onnx", "tensorflow", "pytorch"):
        return _Purpose(Kind.TASK_SPECIFIC, None, Family.TRANSFORMER, "few convolution kernels, and an exported file")
    if any("word_embeddings" in name for name in names):
        why = "a tensor is called word_embeddings"
        return _Purpose(Kind.EMBEDDING, "feature-extraction", Family.TRANSFORMER, why)
    return _Purpose(Kind.FOUNDATION, "text-generation", Family.TRANSFORMER, "no tensor's name says otherwise")


def _convolutions(header: WeightHeader) -> int:
    """Parameters in kernels: four dimensions, two of them (the last, in TensorFlow the first) the window."""
    return sum(tensor.elements for tensor in header.tensors if _is_kernel(tensor, header.format))


def _is_kernel(tensor: StoredTensor, stored: str) -> bool:
    if len(tensor.shape) != 4:
        return False
    window = tensor.shape[:2] if stored == "tensorflow" else tensor.shape[2:]
    return max(window) <= 16 and prod(tensor.shape) > prod(window)


def _precision(header: WeightHeader, file: str) -> tuple[Precision, str]:
    if header.format == "pytorch":
        return Precision(weights=WeightPrecision.FP32), "data types cannot be read without running the file"
    stored_bytes: dict[str, int] = {}
    for tensor in header.tensors:
        stored_bytes[tensor.data_type] = stored_bytes.get(tensor.data_type, 0) + (tensor.stored_bytes or 0)
    if not stored_bytes:
        raise refuse("source-not-supported", "holds no weights", file, fix="name the file that holds the tensors")
    dominant = max(sorted(stored_bytes), key=lambda name: stored_bytes[name])
    note = f"precision is the data type of most bytes, {dominant}"
    if header.format == "gguf":
        return _gguf_precision(header, dominant), note
    weights = _DATA_TYPES.get(dominant)
    if weights is None:
        message = f"most bytes are stored as {dominant}, which no engine here serves"
        fix = "write the descriptor by hand, with 'weights' under 'precision'"
        raise refuse("unknown-data-type", message, file, fix=fix)
    return Precision(weights=weights), note


def _gguf_precision(header: WeightHeader, dominant: str) -> Precision:
    scheme = f"gguf:{dominant}"
    if dominant in _GGUF_FULL:
        return Precision(weights=_DATA_TYPES[dominant], scheme=scheme)
    if dominant in ("mxfp4", "nvfp4"):
        return Precision(weights=WeightPrecision(dominant), scheme=scheme)
    tensors = [tensor for tensor in header.tensors if tensor.data_type == dominant]
    bits = 8 * sum(tensor.stored_bytes or 0 for tensor in tensors) / sum(tensor.elements for tensor in tensors)
    weights = WeightPrecision.INT4 if bits <= _GGUF_FOUR_BITS_AT_MOST else WeightPrecision.INT8
    return Precision(weights=weights, scheme=scheme)


def _architecture(header: WeightHeader, purpose: _Purpose, file: str) -> tuple[Architecture, str]:
    config = _gguf_config(header)
    if config is not None and _accounts_for(config, header):
        return Architecture(family=purpose.family, config=config), "hyper-parameters as the file's header gives them"
    if header.format == "pytorch":
        stored = int(str(header.metadata.get("storage_bytes", 0)))
        parameters = stored // _FLOAT32_BYTES
        note = f"{stored:,} bytes of storages, taken as float32"
    else:
        parameters = header.parameters
        note = f"{len(header.tensors):,} tensors counted; without a config what is not stored is estimated"
    if parameters < 1:
        raise refuse("source-not-supported", "holds no weights", file, fix="name the file that holds the tensors")
    return Architecture(family=purpose.family, parameters=parameters), note


def _gguf_config(header: WeightHeader) -> dict[str, Any] | None:
    architecture = str(header.metadata.get("general.architecture", ""))
    model_type = _GGUF_MODEL_TYPES.get(architecture)
    if header.format != "gguf" or model_type is None:
        return None
    values = {
        "model_type": model_type,
        "hidden_size": header.metadata.get(f"{architecture}.embedding_length"),
        "intermediate_size": header.metadata.get(f"{architecture}.feed_forward_length"),
        "num_hidden_layers": header.metadata.get(f"{architecture}.block_count"),
        "num_attention_heads": header.metadata.get(f"{architecture}.attention.head_count"),
        "num_key_value_heads": header.metadata.get(f"{architecture}.attention.head_count_kv"),
        "head_dim": header.metadata.get(f"{architecture}.attention.key_length"),
        "max_position_embeddings": header.metadata.get(f"{architecture}.context_length"),
        "vocab_size": _vocabulary(header),
        "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in header.tensors),
    }
    config = {name: value for name, value in values.items() if value is not None}
    return config | {"quantization_config": {"quant_method": "gguf", "types": _gguf_types(header)}}


def _gguf_types(header: WeightHeader) -> dict[str, str | dict[str, list[int]]]:
    """What each tensor is stored in: one type, or the layers of each type. `blk.7.…` is layer 7 of `blk.*.…`."""
    found: dict[str, dict[str, list[int]]] = {}
    for tensor in header.tensors:
        parts = tensor.name.split(".", 2)
        is_block = len(parts) == _BLOCK_PARTS and parts[0] == "blk" and parts[1].isdecimal()
        name = f"blk.*.{parts[2]}" if is_block else tensor.name
        found.setdefault(name, {}).setdefault(tensor.data_type, []).append(int(parts[1]) if is_block else 0)
    return {name: next(iter(types)) if len(types) == 1 else types for name, types in found.items()}


def _vocabulary(header: WeightHeader) -> int | None:
    """Rows of the embedding: what is stored, whatever the tokenizer says."""
    rows = [tensor.shape[0] for tensor in header.tensors if tensor.name == "token_embd.weight"]
    return rows[0] if rows else None


def _accounts_for(config: dict[str, Any], header: WeightHeader) -> bool:
    """Do the hyper-parameters give the stored parameters? If not, they are not all there is to this model."""
    probe = Descriptor(
        name="probe",
        kind=Kind.FOUNDATION,
        source=Source(uri="file:///probe", format=Format.GGUF),
        architecture=Architecture(family=Family.TRANSFORMER, config=config),
        precision=Precision(weights=WeightPrecision.INT4, scheme="gguf:q4_k"),
    )
    try:
        expected = build_inventory(probe).parameters
    except InputError:
        return False
    return abs(expected - header.parameters) <= _CONFIG_TOLERANCE * header.parameters
