"""A quantization that is written beside a model's config, which itself says nothing of one.

    hf_quant_config.json    NVIDIA's Model Optimizer; engines read it as well as the config
    quantize_config.json    AutoGPTQ before it wrote into the config (2023), and early AutoAWQ
    quant_config.json       AutoAWQ and llm-awq of the same time

The last two name no method. What each must say tells them apart: GPTQ whether columns are in the order of their
activations (`desc_act`), AWQ whether there are zero points (`zero_point`). Where both or neither is there, the file is
refused rather than guessed at.
Source: get_config_filenames and from_config of the methods in vLLM 0.33.0, model_executor/layers/quantization
(modelopt.py, auto_gptq.py, auto_awq.py), and docs/features/quantization/modelopt.md, read in November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.document import Document, refuse
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.descriptors.model_folder import QUANTIZATION_FILES
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.quantization.methods import find_section
from ai_on_eks.descriptors.quantization.settings import KEY

OPTIMIZER, *UNNAMED = QUANTIZATION_FILES

_METHODS: Mapping[str, str] = {"desc_act": "gptq", "zero_point": "awq"}
"""Key that a method's file must have -> the method."""
_READ = (
    "bits", "w_bit", "group_size", "q_group_size", "zero_point", "desc_act", "sym", "lm_head", "dynamic",
    "modules_to_not_convert", "modules_in_block_to_quantize",
)  # fmt: skip
"""What sizes follow from, or what tells the methods apart. Names of folders and the like are not kept."""


def with_quantization(config: Mapping[str, Any], folder: Place) -> tuple[Mapping[str, Any], str | None]:
    """The config with what a file beside it says of a quantization, and that file's name; the config as it is and None
    where there is no such file, or the config says it itself."""
    name = next((one for one in QUANTIZATION_FILES if (folder / one).is_file()), None)
    if name is None or find_section(config) is not None:
        return config, None
    document = read_json(folder / name)
    section = _of_optimizer(document) if name == OPTIMIZER else _of_unnamed(document)
    return {**config, KEY: section}, name


def _of_optimizer(document: Document) -> dict[str, Any]:
    if not isinstance(document.value, dict) or not isinstance(document.value.get("quantization"), dict):
        message, fix = "holds no mapping 'quantization'", "download the model's own files again"
        raise refuse("not-a-mapping", message, document.file, 1, fix=fix)
    return {"quant_method": "modelopt", "quantization": document.value["quantization"]}


def _of_unnamed(document: Document) -> dict[str, Any]:
    if not isinstance(document.value, dict):
        message, fix = "holds no mapping of settings", "download the model's own files again"
        raise refuse("not-a-mapping", message, document.file, 1, fix=fix)
    told = [method for key, method in _METHODS.items() if isinstance(document.value.get(key), bool)]
    if len(told) != 1 or document.value.get("quant_method", told[0]) != told[0]:
        message = "does not say which quantization it is: 'desc_act' is GPTQ's, 'zero_point' AWQ's"
        fix = "write the descriptor by hand, with 'weights' and 'scheme' under 'precision'"
        raise refuse("unknown-quantization", message, document.file, 1, fix=fix)
    return {"quant_method": told[0]} | {key: document.value[key] for key in _READ if key in document.value}
