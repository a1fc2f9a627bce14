"""Which config a record's model has.

A record names a model as people write it: with its organisation or without, with notes in brackets, with the precision
in its name. In this order: the config published with the records under that name; the entry of `aliases.yaml` or the
pipeline of `pipelines.yaml`; a config, then an entry, whose name is the same without organisation, brackets,
separators, and words that say nothing of the architecture; and last the number of parameters that the name itself
gives, which is good for a verdict and not for a figure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from ai_on_eks.errors import AiOnEksError
from benchmarks.accuracy.truth import Truth

ALIASES = Path(__file__).with_name("aliases.yaml")
PIPELINES = Path(__file__).with_name("pipelines.yaml")

_SILENT_WORDS = frozenset(
    (
        *("instruct", "it", "chat", "base", "hf", "thinking", "single", "a6000", "tp2"),
        *("fp8", "bf16", "fp16", "int4", "int8", "awq", "gptq", "nvfp4", "autoround", "dynamic"),
        *("nvidia", "google", "2507", "0731", "v0.1"),
    )
)
"""Words of a name that say how a model was tuned, stored or run, and not what it is made of."""


class Known(Struct, frozen=True):
    """What is known of a model, and how it was found: its config, or only how many parameters it has."""

    config: Mapping[str, Any] | None
    source: str
    parameters: int = 0
    family: str = "transformer"
    kind: str = "foundation"


class Models:
    """The configs that records can be sized with."""

    def __init__(self, truth: Truth) -> None:
        self._configs: dict[str, dict[str, Any]] = {}
        for record in truth.parameters():
            try:
                config = truth.config(record)
            except AiOnEksError:
                continue  # reported where its parameters are scored
            if config is not None:
                self._configs[record.model] = config
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        entries = yaml.load(ALIASES.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe one
        self._aliases = {entry["model"]: entry for entry in (*entries, *_pipelines())}
        self._short_aliases = {_short(name): entry for name, entry in sorted(self._aliases.items())}
        self._short: dict[str, list[str]] = {}
        for name in sorted(self._configs):
            self._short.setdefault(_short(name), []).append(name)

    def published(self, model: str) -> Known | None:
        """The model's own config, published under its very name; None where there is none."""
        return Known(self._configs[model], f"config of {model}") if model in self._configs else None

    def find(self, model: str) -> Known | None:
        """The config of the model a record names; None where none is known."""
        alias = self._aliases.get(model) or self._aliases.get(_bare(model))
        known = self.published(model) or (self._alias(alias) if alias is not None else None)
        if known is not None:
            return known
        same = self._same(model)
        if same is not None:
            return self.published(same)
        similar = self._short_aliases.get(_short(model))
        return (self._alias(similar) if similar is not None else None) or _counted(model)

    def _alias(self, alias: Mapping[str, Any]) -> Known | None:
        """What an entry of the aliases says; None where the model it equals is not there."""
        source = alias["source"]
        if "config" in alias:
            return Known(alias["config"], source)
        if "parameters" in alias:
            return Known(None, source, alias["parameters"], alias["family"], alias.get("kind", "foundation"))
        if alias["same_as"] not in self._configs:
            return None
        config = _changed(self._configs[alias["same_as"]], alias.get("changed", {}))
        return Known(config, f"config of {alias['same_as']}: {source}")

    def _same(self, model: str) -> str | None:
        """The config of the same architecture; of several the one of that very name, else one that is not quantized."""
        names = self._short.get(_short(model), [])
        last = _bare(model).rpartition("/")[2].lower()
        order = sorted(
            names,
            key=lambda name: (name.rpartition("/")[2].lower() != last, "quantization_config" in self._configs[name]),
        )
        return order[0] if order else None


def _counted(model: str) -> Known | None:
    """The number of parameters that the name itself gives; none where it is that of one expert (`17B-16E`)."""
    count = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)b(?![a-z]|-\d+e)", _bare(model).lower())
    if count is None:
        return None
    return Known(None, f"{count[1]} billion parameters, as the name says", round(float(count[1]) * 10**9))


def _changed(config: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The config with some values replaced, those of its parts too."""
    parts = {
        key: _changed(config[key], value)
        if isinstance(value, Mapping) and isinstance(config.get(key), Mapping)
        else value
        for key, value in changed.items()
    }
    return {**config, **parts}


def _bare(model: str) -> str:
    """Without what stands in brackets behind the name."""
    return re.sub(r"\s*\(.*", "", model).strip()


def _short(model: str) -> str:
    name = _bare(model).partition("/")[2] or _bare(model)
    words = [word for word in re.split(r"[\s_-]+", name.lower()) if word not in _SILENT_WORDS]
    return "".join(words)


def _pipelines() -> list[dict[str, Any]]:
    """Whole pipelines of networks, each with its own config."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    networks, pipelines = yaml.load_all(PIPELINES.read_text(encoding="utf-8"), Loader=loader)
    return [
        {
            "model": name,
            "source": pipeline["source"],
            "config": {
                "_class_name": pipeline["class"],
                **{part: networks[network] for part, network in pipeline["networks"].items()},
            },
        }
        for pipeline in pipelines
        for name in pipeline["models"]
    ]
