"""config.pbtxt of one ONNX model.

Inputs and outputs are left out: their names stand in the ONNX file and nowhere in a config, and the onnxruntime
backend completes them from the file (Triton user guide, model configuration, auto-generated; 26.07). A guessed name
would keep the model from loading. `max_batch_size` above 0 needs a model whose first dimension is free; Triton says so
when it loads one where it is fixed.
"""

from __future__ import annotations

from ai_on_eks.serving.replica import Replica

MODEL_FILE = "model.onnx"
BACKEND = "onnxruntime"


def model_config(replica: Replica) -> str:
    """One instance on each accelerator of the replica, or one on the processor; requests are batched as they come.

    `count` is per accelerator: Triton repeats a group of KIND_GPU on every GPU the pod sees (user guide, model
    configuration, instance groups; 26.07).
    """
    kind = "KIND_GPU" if replica.placement.accelerators_per_replica else "KIND_CPU"
    return "\n".join(
        (
            f'name: "{replica.name}"',
            f'backend: "{BACKEND}"',
            f"max_batch_size: {replica.placement.memory.rank.max_sequences}",
            "dynamic_batching { }",
            f"instance_group [ {{ kind: {kind} count: 1 }} ]",
            "",
        )
    )
