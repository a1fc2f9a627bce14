"""The ONNX file that the manual describes: two layers that classify vectors."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSION, OPERATORS = 9, 17
"""Of 2023, so that the bytes do not change with the library's own version."""


def two_layers() -> bytes:
    shapes = {"hidden.weight": (64, 32), "hidden.bias": (32,), "classes.weight": (32, 4), "classes.bias": (4,)}
    weights = [numpy_helper.from_array(np.zeros(shape, np.float32), name) for name, shape in shapes.items()]
    nodes = [
        helper.make_node("Gemm", ["vectors", "hidden.weight", "hidden.bias"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["positive"]),
        helper.make_node("Gemm", ["positive", "classes.weight", "classes.bias"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "two-layers",
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 4])],
        initializer=weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPERATORS)], producer_name="ai-on-eks")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
