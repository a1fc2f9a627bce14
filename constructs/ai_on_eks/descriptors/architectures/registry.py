"""Which module knows which model type."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ai_on_eks.descriptors.architectures import (
    convolution,
    deberta,
    decoder,
    encoder,
    estimate,
    mixture,
    modernbert,
    ungated,
    vision,
)
from ai_on_eks.descriptors.architectures.documented import DEFAULTS
from ai_on_eks.descriptors.architectures.hyperparameters import CONFIG_PATH, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Descriptor, Family, Kind
from ai_on_eks.errors import InputError, Problem

_FAMILIES: tuple[ModuleType, ...] = (decoder, encoder, convolution, ungated, mixture, deberta, modernbert, vision)

RESNET_50: Mapping[str, Any] = {
    "model_type": "resnet",
    "layer_type": "bottleneck",
    "num_channels": 3,
    "embedding_size": 64,
    "depths": [3, 4, 6, 3],
    "hidden_sizes": [256, 512, 1024, 2048],
    "num_labels": 1000,
    "image_size": 224,
}
"""He et al. 2015, table 1: what a CNN is scaled from when nothing but its parameters is known."""


def build_inventory(descriptor: Descriptor) -> Inventory:
    """What the model is made of, or an InputError that says what is missing to tell.

    `architecture.config` must be the mapping itself: `load_descriptor` has read it where the file gave a path.
    """
    architecture = descriptor.architecture
    if isinstance(architecture.config, dict):
        return _read(architecture.config, architecture.family)[0]
    if isinstance(architecture.config, str):
        message = f"is still the path '{architecture.config}'; load_descriptor reads it"
        raise InputError(Problem("config-not-read", message, path=CONFIG_PATH, fix="load the descriptor from its file"))
    if architecture.parameters is None:
        message = "says neither what the model is made of nor how large it is"
        fix = "add 'config: path/to/config.json' or 'parameters: 7000000000' under 'architecture'"
        raise InputError(Problem("architecture-incomplete", message, path="architecture", fix=fix))
    return _estimated(descriptor, architecture.parameters)


def known_model_types() -> tuple[str, ...]:
    """Every `model_type` that is read exactly, sorted."""
    return tuple(sorted(name for family in _FAMILIES for name in family.MODEL_TYPES))


def relevant_hyperparameters(config: Mapping[str, Any]) -> tuple[Inventory, dict[str, Any]]:
    """The inventory of a config, and the part of the config that it follows from."""
    inventory, parameters = _read(config, None)
    return inventory, {"model_type": config["model_type"]} | parameters.read


def _read(config: Mapping[str, Any], family: Family | None) -> tuple[Inventory, Hyperparameters]:
    model_type = config.get("model_type")
    module = next(
        (one for one in _FAMILIES if isinstance(model_type, str) and model_type in one.MODEL_TYPES),
        None,
    )
    if module is None or not isinstance(model_type, str):
        raise InputError(_unknown(model_type))
    if family is not None and family.value != module.FAMILY:
        message = f"'{family.value}' contradicts model_type '{model_type}'"
        fix = f"write {module.FAMILY}"
        raise InputError(Problem("contradiction", message, path="architecture.family", value=family.value, fix=fix))
    parameters = Hyperparameters(config, DEFAULTS[model_type])
    inventory: Inventory = module.read(model_type, parameters)
    return inventory, parameters


def _unknown(model_type: object) -> Problem:
    path = f"{CONFIG_PATH}.model_type"
    known = known_model_types()
    if model_type is None:
        fix = "add 'model_type' from the model's own config.json"
        return Problem("missing-hyperparameter", "'model_type' is required", path=path, allowed=known, fix=fix)
    shown = str(model_type)[:80]
    return Problem(
        "unknown-architecture",
        f"no architecture '{shown}' is known",
        path=path,
        value=shown,
        allowed=known,
        fix="give architecture.parameters, the number of parameters, instead of architecture.config",
    )


def _estimated(descriptor: Descriptor, parameters: int) -> Inventory:
    family = descriptor.architecture.family
    if family is Family.CNN:
        return estimate.convolution(parameters, _read(RESNET_50, None)[0])
    if family is Family.TRANSFORMER:
        return estimate.decoder(parameters) if descriptor.kind is Kind.FOUNDATION else estimate.encoder(parameters)
    raise InputError(
        Problem(
            "family-not-supported",
            f"'{family.value}' models cannot be sized yet",
            path="architecture.family",
            value=family.value,
            allowed=(Family.TRANSFORMER.value, Family.CNN.value),
            fix="describe a transformer or a cnn",
        )
    )
