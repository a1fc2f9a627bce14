"""Descriptors from weight files alone, made by each format's own library."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.describe import describe, to_yaml
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.schema import Family, Format, Kind, WeightPrecision
from ai_on_eks.errors import InputError

HIDDEN, INNER, LAYERS, HEADS, KEY_VALUE_HEADS, VOCABULARY = 64, 128, 2, 4, 2, 100


def write_gguf(path: Path, *, extra: int = 0, quantized: bool = False) -> None:
    """A complete llama, with `extra` parameters that no hyper-parameter explains."""
    writer = GGUFWriter(str(path), "llama")
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_VALUE_HEADS)
    writer.add_context_length(2048)
    keys = HIDDEN // HEADS * KEY_VALUE_HEADS
    shapes = {"token_embd": (VOCABULARY, HIDDEN), "output": (VOCABULARY, HIDDEN), "output_norm": (HIDDEN,)}
    for layer in range(LAYERS):
        block = {
            "attn_q": (HIDDEN, HIDDEN),
            "attn_k": (keys, HIDDEN),
            "attn_v": (keys, HIDDEN),
            "attn_output": (HIDDEN, HIDDEN),
            "ffn_gate": (INNER, HIDDEN),
            "ffn_up": (INNER, HIDDEN),
            "ffn_down": (HIDDEN, INNER),
            "attn_norm": (HIDDEN,),
            "ffn_norm": (HIDDEN,),
        }
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    if extra:
        shapes["adapter"] = (extra,)
    for name, shape in shapes.items():
        if quantized and len(shape) == 2:
            blocks = np.zeros((shape[0], shape[1] // 32 * 18), np.uint8)
            writer.add_tensor(f"{name}.weight", blocks, raw_dtype=GGMLQuantizationType.Q4_0)
        else:
            writer.add_tensor(f"{name}.weight", np.zeros(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_onnx(path: Path, weights: dict[str, tuple[int, ...]], data_type: type = np.float32) -> None:
    """A graph that only holds weights: nothing is run."""
    tensors = [numpy_helper.from_array(np.zeros(shape, data_type), name) for name, shape in weights.items()]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    node = helper.make_node("Identity", ["image"], ["out"])
    onnx.save(helper.make_model(helper.make_graph([node], "g", [image], [out], tensors)), str(path))


def test_given_a_safetensors_file_then_its_tensors_are_counted_and_its_head_makes_it_a_language_model(
    tmp_path: Path,
) -> None:
    file = tmp_path / "my_Model.safetensors"
    save_file({"embed": np.zeros((100, 16), np.float16), "lm_head.weight": np.zeros((100, 16), np.float16)}, file)
    description = describe(str(file))
    descriptor = description.descriptor
    assert (descriptor.name, descriptor.kind, descriptor.source.format) == (
        "my-model",
        Kind.FOUNDATION,
        Format.SAFETENSORS,
    )
    assert descriptor.architecture.parameters == 3200
    assert descriptor.precision is not None
    assert descriptor.precision.weights is WeightPrecision.FP16
    assert any("check them" in note for note in description.notes)


def test_given_a_gguf_file_then_its_header_gives_the_hyper_parameters_exactly(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    descriptor = describe(str(tmp_path / "tiny.gguf")).descriptor
    inventory = build_inventory(descriptor)
    assert descriptor.architecture.parameters is None
    assert (inventory.layers, inventory.key_value_heads, inventory.max_context_tokens) == (2, 2, 2048)
    assert inventory.parameters == 2 * VOCABULARY * HIDDEN + HIDDEN + LAYERS * (
        2 * HIDDEN * HIDDEN + 2 * HIDDEN * HIDDEN // 2 + 3 * INNER * HIDDEN + 2 * HIDDEN
    )
    assert (descriptor.source.file, descriptor.source.format) == ("tiny.gguf", Format.GGUF)


def test_given_a_gguf_file_with_more_than_its_hyper_parameters_say_then_its_tensors_are_counted(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    write_gguf(tmp_path / "more.gguf", extra=10_000)
    plain = build_inventory(describe(str(tmp_path / "tiny.gguf")).descriptor).parameters
    assert describe(str(tmp_path / "more.gguf")).descriptor.architecture.parameters == plain + 10_000


def test_given_a_quantized_gguf_file_then_the_scheme_is_its_commonest_type(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf", quantized=True)
    precision = describe(str(tmp_path / "tiny.gguf")).descriptor.precision
    assert precision is not None
    assert (precision.weights, precision.scheme) == (WeightPrecision.INT4, "gguf:q4_0")


@pytest.mark.parametrize(
    ("weights", "family", "task"),
    [
        ({"conv": (64, 3, 7, 7), "fc": (10, 64)}, Family.CNN, "image-classification"),
        ({"conv": (8, 3, 3, 3), "fc": (1000, 64)}, Family.TRANSFORMER, None),
        ({"heads": (2, 3, 64, 64)}, Family.TRANSFORMER, None),
    ],
)
def test_given_an_onnx_file_then_kernels_make_it_a_cnn(
    tmp_path: Path, weights: dict[str, tuple[int, ...]], family: Family, task: str | None
) -> None:
    write_onnx(tmp_path / "model.onnx", weights)
    descriptor = describe(str(tmp_path / "model.onnx")).descriptor
    assert (descriptor.kind, descriptor.architecture.family, descriptor.task) == (Kind.TASK_SPECIFIC, family, task)
    assert descriptor.architecture.parameters == sum(int(np.prod(shape)) for shape in weights.values())
    assert descriptor.source.file == "model.onnx"


def test_given_an_onnx_file_in_half_precision_then_it_is_served_in_it(tmp_path: Path) -> None:
    write_onnx(tmp_path / "model.onnx", {"conv": (64, 3, 7, 7)}, np.float16)
    precision = describe(str(tmp_path / "model.onnx")).descriptor.precision
    assert precision is not None
    assert precision.weights is WeightPrecision.FP16


def test_given_a_pytorch_archive_then_its_storages_are_counted_and_nothing_is_run(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("model/data.pkl", b"\x80\x02cposix\nsystem\n(S'false'\ntR.")
        archive.writestr("model/data/0", bytes(4000))
        archive.writestr("model/version", b"3\n")
    description = describe(str(tmp_path / "model.pt"))
    assert description.descriptor.architecture.parameters == 1000
    assert "4,000 bytes of storages, taken as float32" in description.notes
    assert "data types cannot be read without running the file" in description.notes


@pytest.mark.parametrize("name", ["tiny.gguf", "model.onnx", "m.safetensors"])
def test_given_a_described_file_then_the_descriptor_loads_again(tmp_path: Path, name: str) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    write_onnx(tmp_path / "model.onnx", {"conv": (64, 3, 7, 7)})
    save_file({"lm_head": np.zeros((100, 16), np.float32)}, tmp_path / "m.safetensors")
    description = describe(str(tmp_path / name))
    (tmp_path / "model.yaml").write_text(to_yaml(description.descriptor, description.notes), encoding="utf-8")
    assert load_descriptor(tmp_path / "model.yaml") == description.descriptor


def test_given_a_folder_with_a_config_then_the_config_counts_and_not_the_weights(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"not read")
    (tmp_path / "config.json").write_text(
        '{"model_type": "bert", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, '
        '"num_attention_heads": 4, "vocab_size": 100, "type_vocab_size": 2, "max_position_embeddings": 512}',
        encoding="utf-8",
    )
    assert describe(str(tmp_path)).descriptor.architecture.config is not None


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("broken.gguf", b"GGUF", "weights-malformed"),
        ("broken.onnx", b"\xff" * 40, "weights-malformed"),
        ("broken.safetensors", b"\xff" * 40, "weights-malformed"),
        ("old.pt", b"\x80\x02}q\x00.", "source-not-supported"),
        ("empty.safetensors", b"\x02\0\0\0\0\0\0\0{}", "source-not-supported"),
        ("notes.txt", b"hello", "source-not-supported"),
    ],
)
def test_given_what_holds_no_weights_then_one_problem_names_the_file(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        describe(str(tmp_path / name))
    (problem,) = caught.value.problems
    assert problem.code == code
    assert name in str(problem)
    assert problem.fix


def test_given_a_file_that_is_not_there_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        describe(str(tmp_path / "none.gguf"))
    assert [problem.code for problem in caught.value.problems] == ["file-not-found"]


@pytest.mark.parametrize("name", ["my model.gguf", "größe.gguf", "a+b.gguf"])
def test_given_a_file_that_a_descriptor_cannot_name_then_it_is_to_be_renamed(name: str, tmp_path: Path) -> None:
    write_gguf(tmp_path / name)
    with pytest.raises(InputError) as caught:
        describe(str(tmp_path / name))
    (problem,) = caught.value.problems
    assert (problem.code, problem.file) == ("bad-pattern", str(tmp_path / name))
    assert "rename" in (problem.fix or "")
