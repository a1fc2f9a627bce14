"""config.pbtxt of one model, and the file that it is for.

    ONNX          model.onnx   inputs and outputs are left out: their names stand in the file and nowhere in a config,
                               and the onnxruntime backend completes them from it. A guessed name would keep the model
                               from loading
    TorchScript   model.pt     an archive names neither, and the backend completes nothing: they are called by their
                               position, and their shapes have to be said (pytorch_backend, src/pt/model_state.cc,
                               AutoCompleteConfig). Here that is an image in, and a score for each class out

`max_batch_size` above 0 needs a model whose first dimension is free; Triton says so when it loads one where it is
fixed (user guide, model configuration; 26.07).
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.schema import Format, WeightPrecision
from ai_on_eks.serving.replica import Replica

MODEL_FILES: Mapping[Format, str] = {Format.ONNX: "model.onnx", Format.PYTORCH: "model.pt"}
"""The name that each backend looks for in the folder of a version."""

TENSOR_TYPES: Mapping[WeightPrecision, str] = {
    WeightPrecision.FP32: "TYPE_FP32",
    WeightPrecision.FP16: "TYPE_FP16",
    WeightPrecision.BF16: "TYPE_BF16",
}
"""What a TorchScript network takes and gives: it casts nothing."""

COLOURS = 3


def model_config(replica: Replica) -> str:
    """One instance on each accelerator of the replica, or one on the processor; requests are batched as they come.

    `count` is per accelerator: Triton repeats a group of KIND_GPU on every GPU the pod sees (user guide, model
    configuration, instance groups; 26.07).
    """
    kind = "KIND_GPU" if replica.placement.accelerators_per_replica else "KIND_CPU"
    of_format = _torchscript(replica) if replica.descriptor.source.format is Format.PYTORCH else _onnx()
    return "\n".join(
        (
            f'name: "{replica.name}"',
            *of_format,
            f"max_batch_size: {replica.placement.memory.rank.max_sequences}",
            "dynamic_batching { }",
            f"instance_group [ {{ kind: {kind} count: 1 }} ]",
            "",
        )
    )


def _onnx() -> tuple[str, ...]:
    return ('backend: "onnxruntime"',)


def _torchscript(replica: Replica) -> tuple[str, ...]:
    """The image's sides are free: the network itself refuses those that it was not traced for."""
    tensor = TENSOR_TYPES[replica.precision.weights]
    config = replica.descriptor.architecture.config
    colours = config.get("num_channels", COLOURS) if isinstance(config, dict) else COLOURS
    return (
        'platform: "pytorch_libtorch"',
        f'input [ {{ name: "INPUT__0" data_type: {tensor} dims: [ {colours}, -1, -1 ] }} ]',
        f'output [ {{ name: "OUTPUT__0" data_type: {tensor} dims: [ -1 ] }} ]',
    )
