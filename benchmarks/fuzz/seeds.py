"""Inputs to begin with, made by the byte builders of the tests, and the words of each format.

seed        a small right file, or one of each unusual shape: mutations start from it
dictionary  byte strings that a mutation would not find by chance: keys, magic numbers, tags, extreme lengths
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import readers_gguf_bytes as gguf_bytes
import readers_protobuf_bytes as proto
import readers_safetensors_bytes as st

from benchmarks.fuzz.seed_models import NETWORKS, SMALL_CONFIGS
from benchmarks.fuzz.targets import BERT, LLAMA

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT.parent / "shared" / "truth" / "configs"

EXTREMES = tuple(value.to_bytes(8, "little") for value in (0, 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1))
VARINTS = tuple(proto.varint(value) for value in (127, 128, 2**31, 2**32, 2**62, 2**63 - 1, 2**64 - 1))


def safetensors() -> list[bytes]:
    tensors = {"a": st.entry(), "b.é": st.entry("F4", [4, 2], [8, 12]), "c": st.entry("U8", [], [12, 13])}
    spread = json.dumps(tensors, indent=1).encode()
    turned = (
        '{"x":{"shape":[1],"data_offsets":[0,2],"dtype":"BF16"},"y":{"dtype":"I8","shape":[0],"data_offsets":[2,2]}}'
    )
    return [
        st.file(tensors, 13, {"format": "pt", "é": "\n"}),
        st.framed(spread, 13),
        st.framed(turned.encode(), 2),
        st.framed(b"{}"),
    ]


def safetensors_index() -> list[bytes]:
    index = {"metadata": {"total_size": 6.0, "x": [1, None, {"y": True}]}, "weight_map": {"t": "a.safetensors"}}
    return [
        json.dumps(index).encode(),
        json.dumps(index, indent=2).encode(),
        b'{"weight_map":{"\\u00e9":"b.safetensors"}}',
    ]


def gguf() -> list[bytes]:
    found = []
    for order in "<>":
        pairs = [
            gguf_bytes.scalar("general.architecture", gguf_bytes.TEXT, "llama", order),
            gguf_bytes.scalar("general.alignment", gguf_bytes.U32, 64, order),
            gguf_bytes.scalar("f", gguf_bytes.F32, 1.5, order),
            gguf_bytes.scalar("t", gguf_bytes.BOOL, 1, order),
            gguf_bytes.numbers("n", gguf_bytes.I64, [1, -2, 3], order),
            gguf_bytes.texts("tokenizer.ggml.tokens", ["a", "é", ""], order),
            gguf_bytes.array("l", gguf_bytes.LIST, struct.pack(order + "IQ", gguf_bytes.U8, 2) + b"ab", 1, order),
        ]
        tensors = [gguf_bytes.Tensor("a", (4, 2)), gguf_bytes.Tensor("b", (256,), 12, 64)]
        found.append(gguf_bytes.gguf(pairs, tensors, data=256, alignment=64, order=order))
    found.append(gguf_bytes.gguf(version=2))
    found.append(gguf_bytes.gguf([gguf_bytes.scalar("split.count", gguf_bytes.U16, 1)], [gguf_bytes.Tensor()], data=32))
    return found


def onnx() -> list[bytes]:
    part, number = proto.part, proto.number
    tensor = number(1, 2) + number(1, 3) + number(2, 1) + part(8, "w")
    raw = part(5, tensor + part(9, bytes(24)))
    packed = part(5, number(2, 7) + part(1, b"\x02") + part(8, "ids") + part(7, b"\x01\x7f"))
    strings = part(5, number(1, 2) + number(2, 8) + part(8, "s") + part(6, "x") + part(6, "y"))
    outside = part(13, part(1, "location") + part(2, "weights.bin")) + part(13, part(1, "offset") + part(2, "0"))
    external = part(5, tensor + number(14, 1) + outside + part(13, part(1, "length") + part(2, "24")))
    values = number(1, 1) + number(2, 1) + part(8, "v") + part(4, bytes(4))
    indices = number(1, 1) + number(2, 7) + part(7, b"\0")
    sparse = part(15, part(1, values) + part(2, indices) + number(3, 9))
    shape = part(2, part(1, part(2, "N")) + part(1, number(1, 3)))
    port = part(1, "x") + part(2, part(1, number(1, 1) + shape))
    nested = part(1, "y") + part(2, part(4, part(1, part(5, number(1, 7) + part(2, part(1, number(1, 1) + shape))))))
    constant = part(
        1,
        part(1, "i")
        + part(2, "o")
        + part(4, "Constant")
        + part(5, part(1, "value") + part(5, tensor + part(9, bytes(24)))),
    )
    branch = part(1, part(5, part(1, "then_branch") + part(6, part(5, tensor + part(9, bytes(24))))))
    head = (
        number(1, 10) + part(2, "tool") + part(8, part(1, "") + number(2, 21)) + part(14, part(1, "k") + part(2, "v"))
    )
    graphs = (
        raw + part(11, port) + part(12, nested),
        packed + strings,
        external,
        sparse,
        constant + branch,
        raw + sparse,
    )
    return [head + part(7, graph) for graph in graphs] + [part(7, b"") + part(25, part(7, constant[2:]))]


def pytorch() -> list[bytes]:
    found = []
    for top, names in (
        ("archive", ("data.pkl", "data/0", "version")),
        ("m", ("data.pkl", "constants.pkl", "code/x.py", "constants/0")),
    ):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name in names:
                how = zipfile.ZIP_DEFLATED if name.startswith("code") else zipfile.ZIP_STORED
                archive.writestr(zipfile.ZipInfo(f"{top}/{name}"), bytes(40), how)
            archive.comment = b"PK\x05\x06"
        found.append(made.getvalue())
    entry_name = b"a/data.pkl"
    wide = struct.pack("<2H2Q", 1, 16, 4, 4)
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 0, 0, 4, 4, len(entry_name), 0) + entry_name + bytes(4)
    entry = struct.pack(
        "<4s6H3L5H2L",
        b"PK\x01\x02",
        45,
        45,
        0,
        0,
        0,
        0,
        0,
        2**32 - 1,
        2**32 - 1,
        len(entry_name),
        len(wide),
        0,
        0,
        0,
        0,
        0,
    )
    directory = entry + entry_name + wide
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(directory), len(local))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, len(local) + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return [*found, local + directory + end64 + locator + end, b"\x80\x02}q\x00.", bytes(257) + b"ustar"]


def _graph() -> bytes:
    weights = proto.tf_constant("w", proto.tf_tensor(1, (2, 3), proto.part(4, bytes(24))))
    filled = proto.tf_constant("c", proto.tf_tensor(3, (5,), proto.number(7, 1)))
    text = proto.tf_constant("s", proto.tf_tensor(7, (), proto.part(8, "x")))
    shape = proto.part(7, proto.tf_shape((-1, 3)))
    port = proto.tf_node(
        "x", "Placeholder", proto.tf_attribute("dtype", proto.number(6, 1)), proto.tf_attribute("shape", shape)
    )
    return proto.tf_graph(weights, filled, text, port, functions=[proto.tf_function("f", weights)])


def tensorflow() -> list[bytes]:
    signature = proto.tf_signature("serving_default", [proto.tf_port("x", 1, (-1, 3))], [proto.tf_port("y", 1, None)])
    meta = proto.tf_meta_graph(_graph(), [signature])
    return [proto.tf_saved_model(meta), proto.tf_saved_model(proto.tf_meta_graph(b"", tags=("train",)), meta)]


def tensorflow_graph() -> list[bytes]:
    return [_graph(), proto.tf_graph(proto.tf_node("v", "VarHandleOp"))]


def tensorflow_variables() -> list[bytes]:
    rows = [
        (b"", proto.tf_header()),
        (b"\0slice", b""),
        (b"_CHECKPOINTABLE_OBJECT_GRAPH", proto.tf_entry(7, (), 0, 9)),
        (b"layer/w", proto.tf_entry(1, (2, 3), 0, 24)),
        (b"layer/w2", proto.tf_entry(1, (2,), 24, 8)),
        (b"z", proto.tf_entry(1, (2,), 0, 0) + proto.part(7, b"")),
    ]
    return [proto.table(rows), proto.table(rows, per_block=9), proto.table(rows, compression=1)]


def config_json() -> list[bytes]:
    config = {"model_type": "llama", "hidden_size": 64, "rope": {"f": 1e-5, "l": [1, None, True, "é\n"]}}
    return [
        json.dumps(config).encode(),
        json.dumps(config, indent=1).encode(),
        b'{"limit":[0.0,Infinity,-Infinity,NaN]}',
    ]


def descriptor_yaml() -> list[bytes]:
    return [
        b"name: a\nkind: foundation\nsource: {uri: 'hf://a/b', format: gguf}\nserving:\n  - 1\n  - no\n  - 0x1f\n",
        b'# c\n---\na: |\n  text\nb: >-\n  folded\nc: "\\u00e9"\n...\n',
        b"a: &x [1]\nb: *x\nc: !!int 3\n",
    ]


def config() -> list[bytes]:
    """One small model of each kind, and the published configs beside the checkout, if there are any."""
    published = (path.read_bytes() for path in sorted(PUBLISHED.glob("*.json")))
    return [BERT, LLAMA + b"}", *map(_written, SMALL_CONFIGS), *(one for one in published if len(one) <= 4_000)]


def quantization_config() -> list[bytes]:
    named = {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}}
    return [
        *map(
            _written,
            (
                {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": True, "sym": True},
                {
                    "quant_method": "gptq",
                    "bits": 4,
                    "group_size": 32,
                    "dynamic": {"-:.*down.*": {}, "+:.*": {"bits": 8}},
                },
                {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
                {"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["lm_head"]},
                {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]},
                {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True},
                {"quant_method": "auto-round", "bits": 4, "group_size": 128, "extra_config": {"lm_head": {"bits": 16}}},
                {
                    "quant_method": "modelopt",
                    "quant_algo": "NVFP4",
                    "kv_cache_quant_algo": "FP8",
                    "exclude_modules": ["l*"],
                },
                {
                    "quant_method": "gguf",
                    "types": {"blk.*.attn_q.weight": {"q4_k": [0], "q6_k": [1]}, "output.weight": "f16"},
                },
                {
                    "quant_method": "compressed-tensors",
                    "format": "pack-quantized",
                    "config_groups": {"group_0": named},
                    "ignore": ["lm_head", "re:.*gate$"],
                    "kv_cache_scheme": {"num_bits": 8, "type": "float"},
                },
            ),
        )
    ]


def model_index() -> list[bytes]:
    parts = {"transformer": ["diffusers", "FluxTransformer2DModel"], "text_encoder": ["transformers", "BertModel"]}
    vae = {"vae": ["diffusers", "AutoencoderKL"], "tokenizer": ["transformers", "CLIPTokenizer"]}
    return [
        _written({"_class_name": "FluxPipeline", **parts, **vae}),
        _written(
            {
                "_class_name": "StableDiffusion3Pipeline",
                "_diffusers_version": "0.30.0",
                **vae,
                "text_encoder": [None, None],
            }
        ),
    ]


def network_config() -> list[bytes]:
    return list(map(_written, NETWORKS))


def sentence_modules() -> list[bytes]:
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}, {"type": "x"}]
    return [_written(modules), b"[]"]


def sentence_settings() -> list[bytes]:
    return [_written({"model_type": "CrossEncoder", "prompts": {"query": ""}, "__version__": {"pytorch": "2.1"}})]


def descriptor() -> list[bytes]:
    found = [path.read_bytes() for path in sorted((ROOT / "models").glob("*.yaml"))]
    short = {"name": "a", "kind": "foundation", "source": {"uri": "hf://a/b"}, "architecture": {"parameters": "7B"}}
    full = {
        **short,
        "task": "text-generation",
        "precision": {"weights": "int4", "scheme": "awq", "kv_cache": "fp8"},
        "serving": {"context_tokens": "32k", "concurrency": 8, "targets": {"ttft_ms": 500}},
        "storage": "fsx",
        "constraints": {"accelerators": ["A10G"], "instance_families": ["g5"], "max_usd_per_hour": 5.0},
    }
    return [*found, _written(short), _written(full)]


def platform() -> list[bytes]:
    return [
        path.read_bytes() for path in (ROOT / "platform.yaml", *sorted((ROOT / "examples").glob("**/platform*.yaml")))
    ]


def images() -> list[bytes]:
    one = {"repository": "docker.io/a/b", "tag": "v1.2.3", "digest": None, "verified": None, "size_bytes": 10**9}
    pinned = {**one, "digest": "sha256:" + "0" * 64, "verified": "2026-11-24"}
    return [_written({"schema": "v1", "images": {"vllm": one, "tei": pinned}})]


def _written(value: object) -> bytes:
    return json.dumps(value).encode()


Seeds = Callable[[], list[bytes]]

_JSON = (b'"', b"{}", b"[]", b"[[", b'{"a":', b"null", b"true", b"1e999", b"NaN", b"\\u00e9", b"\\ud800", b"0", b"-1")
_PROTO = (*VARINTS, *EXTREMES, b"\x0a\x00", b"\x12\x00", b"\x2a\x00", b"\x3a\x00", b"\x08\x01")

READERS: dict[str, tuple[Seeds, Iterable[bytes]]] = {
    "safetensors": (
        safetensors,
        (
            *_JSON,
            *EXTREMES,
            b'"__metadata__":',
            b'"dtype":"',
            b'"shape":[',
            b'"data_offsets":[',
            b'"BF16"',
            b'"F4"',
            b'"U8"',
        ),
    ),
    "safetensors-index": (
        safetensors_index,
        (*_JSON, b'"weight_map":{', b'"metadata":{', b".safetensors", b'"total_size":'),
    ),
    "gguf": (
        gguf,
        (*EXTREMES, b"GGUF", b"general.alignment", b"split.count", b"split.no", b"\x08\0\0\0", b"\x09\0\0\0"),
    ),
    "onnx": (
        onnx,
        (*_PROTO, b"location", b"offset", b"length", b"../", b"*/_ORT_MEM_ADDR_/*", b"\xb2\x01", b"\xba\x01", b"\x7a"),
    ),
    "pytorch": (
        pytorch,
        (*EXTREMES, b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"data.pkl", b"data/"),
    ),
    "tensorflow": (
        tensorflow,
        (*_PROTO, b"\x12\x05Const", b"serve", b"Placeholder", b"VarHandleOp", b"value", b"dtype"),
    ),
    "tensorflow-graph": (
        tensorflow_graph,
        (*_PROTO, b"\x12\x05Const", b"\x12\x0bPlaceholder", b"value", b"dtype", b"shape"),
    ),
    "tensorflow-variables": (tensorflow_variables, (*VARINTS, *EXTREMES, proto.MAGIC, b"\0\0\0\0\x01\0\0\0")),
    "json": (config_json, (*_JSON, b"Infinity", b"9" * 20, b"[" * 33)),
    "yaml": (
        descriptor_yaml,
        (
            b": ",
            b"- ",
            b"&a ",
            b"*a",
            b"!!int ",
            b"---\n",
            b"...\n",
            b"|\n",
            b">\n",
            b"? ",
            b"<<: ",
            b"[" * 33,
            b".inf",
            b"0o7",
        ),
    ),
    "config": (config, _JSON),
    "quantization-config": (quantization_config, _JSON),
    "model-index": (model_index, _JSON),
    "network-config": (network_config, _JSON),
    "sentence-modules": (sentence_modules, _JSON),
    "sentence-settings": (sentence_settings, _JSON),
    "descriptor": (descriptor, _JSON),
    "platform": (platform, _JSON),
    "images": (images, _JSON),
}


def dictionary(words: Iterable[bytes]) -> str:
    """The words as libFuzzer's dictionary file."""
    return "".join(f'"{_escaped(word)}"\n' for word in dict.fromkeys(words))


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)
