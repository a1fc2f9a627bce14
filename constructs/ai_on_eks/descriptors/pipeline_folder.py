"""A diffusers folder: `model_index.json`, and a folder with its own config for each network.

networks     the entries of model_index.json that are known to hold one; tokenizers and schedulers weigh nothing
config       the class of the pipeline and, under its name, what each network's config.json says
counted      a network of an unknown class is counted from the header of its weights
precision    the data type of most bytes of the denoiser's weights, else what an encoder's config says
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.architectures.diffusion import DECODER, DISTILLED, ENCODERS, NETWORKS
from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.model_folder import Weights, file_names, find_weights
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.published_precision import published_precision
from ai_on_eks.descriptors.readers.safetensors import read_header
from ai_on_eks.descriptors.readers.types import WeightHeader
from ai_on_eks.descriptors.schema import Precision, WeightPrecision
from ai_on_eks.errors import InputError, Problem

INDEX = "model_index.json"
CONFIG = "config.json"
CONFIG_PATH = "architecture.config"
DENOISERS = ("transformer", "unet")

_DATA_TYPES: Mapping[str, WeightPrecision] = {
    "bf16": WeightPrecision.BF16,
    "f16": WeightPrecision.FP16,
    "f32": WeightPrecision.FP32,
    "f8_e4m3": WeightPrecision.FP8,
}
"""Of safetensors -> of the descriptor."""


class PipelineFolder(Struct, frozen=True):
    """What a diffusers folder says. `config` holds exactly what the inventory follows from."""

    inventory: Inventory
    config: dict[str, Any]
    weights: Weights
    precision: Precision | None
    notes: tuple[str, ...]


def read_pipeline(path: Place) -> PipelineFolder:
    """The pipeline in `path`, or an InputError with everything that is missing or not known in its files."""
    index = _mapping(path / INDEX)
    name = index.get("_class_name")
    if not isinstance(name, str):
        message, fix = (
            "names no pipeline of diffusers: '_class_name' is missing",
            "download the model's own model_index.json",
        )
        raise refuse("missing-hyperparameter", message, str(path / INDEX), fix=fix)
    keys = [key for key in NETWORKS if _is_present(index.get(key)) and (path / key / CONFIG).is_file()]
    configs = {key: _mapping(path / key / CONFIG) for key in keys}
    notes: list[str] = []
    given: dict[str, Any] = {"_class_name": name} | ({DISTILLED: True} if index.get(DISTILLED) is True else {})
    for key, config in configs.items():
        known = _known_or_counted(key, config, path, notes)
        if known is not None:
            given[key] = known
    try:
        inventory, relevant = relevant_hyperparameters(given)
    except InputError as error:
        raise InputError([_in_file(problem, path) for problem in error.problems]) from None
    precision = _precision(path, configs, notes)
    weights = _weights(path, keys, notes)
    return PipelineFolder(inventory, relevant, weights, precision, tuple(notes))


def _is_present(entry: object) -> bool:
    """An entry of the index names a library and a class; nulls stand for a network that the model has not."""
    return isinstance(entry, list) and any(isinstance(one, str) for one in entry)


def _mapping(file: Place) -> Mapping[str, Any]:
    document = read_json(file)
    if not isinstance(document.value, dict):
        fix = "download the model's own files again"
        raise refuse("not-a-mapping", "holds no mapping of hyper-parameters", document.file, 1, fix=fix)
    return document.value


def _known_or_counted(key: str, config: Mapping[str, Any], path: Place, notes: list[str]) -> Mapping[str, Any] | None:
    """The network's config; of a class that is not known its number of parameters, where the weights tell."""
    try:
        relevant_hyperparameters(config)
    except InputError as error:
        header = None
        if key not in DENOISERS and any(problem.code == "unknown-architecture" for problem in error.problems):
            header = _header(path / key)
        if header is not None:
            notes.append(f"{key} is of no known class: counted from {header.files[0]}")
            return {"parameters": header.parameters}
        if key not in (*DENOISERS, *ENCODERS, DECODER):
            notes.append(f"{key} is of no known class and has no weights here: it is left out")
            return None
    return config


def _header(folder: Place) -> WeightHeader | None:
    """The header of a network's weights; variants such as `model.fp16.safetensors` are passed over."""
    plain = [name for name in file_names(folder) if ".fp16." not in name and ".non_ema." not in name]
    for suffix in (".safetensors.index.json", ".safetensors"):
        found = sorted((name for name in plain if name.endswith(suffix)), key=lambda name: (len(name), name))
        if found:
            return read_header(folder / found[0])
    return None


def _precision(path: Place, configs: Mapping[str, Mapping[str, Any]], notes: list[str]) -> Precision | None:
    for key in DENOISERS:
        header = _header(path / key) if key in configs else None
        if header is not None and header.tensors:
            stored: dict[str, int] = {}
            for tensor in header.tensors:  # integers are a quantized network's, whose own config says so
                if tensor.data_type in _DATA_TYPES:
                    stored[tensor.data_type] = stored.get(tensor.data_type, 0) + (tensor.stored_bytes or 0)
            if stored:
                dominant = max(sorted(stored), key=lambda name: stored[name])
                notes.append(f"precision is the data type of most bytes of the {key}, {dominant}")
                return Precision(weights=_DATA_TYPES[dominant])
    for key in ENCODERS:
        precision = published_precision(configs[key], str(path / key / CONFIG)) if key in configs else None
        if precision is not None:
            notes.append(f"precision as the config of {key} says; the denoiser's names none")
            return precision
    notes.append("no file names a data type: precision is left at its default")
    return None


def _weights(path: Place, keys: list[str], notes: list[str]) -> Weights:
    for key in (*DENOISERS, *keys):
        weights = find_weights(path / key) if key in keys else Weights(None, None)
        if weights.format is not None:
            return Weights(weights.format, None)
    notes.append("no weights in the folder: safetensors assumed")
    return Weights(None, None)


def _in_file(problem: Problem, path: Place) -> Problem:
    """A problem of a network belongs to the network's own config."""
    rest = (problem.path or "").removeprefix(f"{CONFIG_PATH}.").removeprefix(CONFIG_PATH)
    key, _, inside = rest.partition(".")
    fix = problem.fix
    if problem.code == "unknown-architecture":
        fix = "write the descriptor by hand, with architecture.parameters"
    if key in NETWORKS and (path / key / CONFIG).is_file():
        return replace(problem, file=str(path / key / CONFIG), path=inside or None, fix=fix)
    return replace(problem, file=str(path / INDEX), path=rest or None, fix=fix)
