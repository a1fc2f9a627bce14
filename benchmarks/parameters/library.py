"""What transformers makes of a config, on the meta device: shapes without memory.

A parameter that two modules share is counted once; buffers are none.
"""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any

import torch
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

transformers.logging.set_verbosity_error()

UNBUILT = ("PreTrainedModel", "PretrainedModel", "PretrainedBartModel", "PreTrainedModelForConditionalGeneration")
"""Ends of classes that others are derived from."""


def has(model_type: str) -> bool:
    """Whether the library itself, without code from a hub, has the model type."""
    return model_type in CONFIG_MAPPING_NAMES


def config_class(model_type: str) -> Any:
    """The class of a model type's configs."""
    return CONFIG_MAPPING[model_type]


def model_classes(model_type: str) -> tuple[Any, ...]:
    """Every public class that is built from the model type's config, sorted by name."""
    config = config_class(model_type)
    place = config.__module__.replace(".configuration_", ".modeling_")
    module = importlib.import_module(place)
    found = {
        one
        for _, one in inspect.getmembers(module, inspect.isclass)
        if one.__module__ == place
        and getattr(one, "config_class", None) is config
        and not one.__name__.endswith(UNBUILT)
        and one.__name__ in getattr(module, "__all__", ())
    }
    return tuple(sorted(found, key=lambda one: one.__name__))


def count(model_class: Any, config: Any) -> int:
    """Parameters of the class as the config has it, tied ones once."""
    with torch.device("meta"):
        model = model_class(config)
    return sum(parameter.numel() for parameter in model.parameters())


def as_json(config: Any) -> dict[str, Any]:
    """A config as its file holds it, with every key of its class."""
    found: dict[str, Any] = json.loads(json.dumps(config.to_dict()))
    return found
