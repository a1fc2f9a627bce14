"""Configs beside the library's default: the same model with other depths, and with a few hyper-parameters changed.

Nothing here knows what a hyper-parameter means. Each change is drawn from what its present value looks like: a switch
is flipped, a number halved, doubled or moved, a list's entry replaced by another one's. Whether the outcome is a model
is for the library to say; what it cannot build is not compared.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

DEPTH_KEYS = frozenset(
    {
        "num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers", "depth",
        "num_decoder_layers", "num_encoder_layers", "num_hidden_groups",
    }
)  # fmt: skip
DEPTHS = (1, 2, 3, 4, 5, 6, 7, 9)
MAX_CHANGES = 3

UNSET: Mapping[str, tuple[Any, ...]] = {
    "head_dim": (64, 128, 96),
    "num_key_value_heads": (1, 2, 4, 8),
    "sliding_window": (512,),
    "q_lora_rank": (256,),
    "n_inner": (1000,),
    "intermediate_size": (1000,),
    "tie_word_embeddings": (True, False),
    "num_labels": (7,),
    "classifier_hidden_size": (100,),
}
"""Values for a hyper-parameter that the default leaves out."""

IRRELEVANT = frozenset(
    {
        "transformers_version", "model_type", "architectures", "dtype", "torch_dtype", "return_dict", "use_cache",
        "output_hidden_states", "output_attentions", "is_encoder_decoder", "initializer_range", "rope_parameters",
        "bos_token_id", "eos_token_id", "decoder_start_token_id", "id2label", "label2id", "problem_type",
        "chunk_size_feed_forward", "_attn_implementation", "attn_implementation", "pruned_heads",
        "enable_audio_output",
    }
)  # fmt: skip
"""What says nothing about a model's size, or is set on its own."""


def depths(config: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The part of a config that sets every depth in it to `number`, to build one from."""
    changed: dict[str, Any] = {}
    for key, value in config.items():
        if key in DEPTH_KEYS and isinstance(value, int) and value > number:
            changed[key] = number
        elif isinstance(value, dict):
            inner = depths(value, number)
            if inner:
                changed[key] = {**({"model_type": value["model_type"]} if "model_type" in value else {}), **inner}
    return changed


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the first with the second's values over it, section by section."""
    result = copy.deepcopy(dict(one))
    for key, value in other.items():
        before = result.get(key)
        result[key] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result


def changed(config: Mapping[str, Any], source: random.Random) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A copy with one to three hyper-parameters changed, and what was changed."""
    result = copy.deepcopy(dict(config))
    places = sorted(_places(result))
    told = []
    for path in source.sample(places, min(source.randint(1, MAX_CHANGES), len(places))):
        holder: Any = result
        for key in path[:-1]:
            holder = holder[key]
        before = holder[path[-1]]
        after = _other(path[-1], before, source)
        if after != before:
            holder[path[-1]] = after
            told.append(f"{'.'.join(path)}: {before!r} -> {after!r}")
    return result, tuple(told)


def terse(config: Mapping[str, Any], default: Mapping[str, Any], *, top: bool) -> dict[str, Any]:
    """What an older config says: sections only where they differ from their class's, with `top` the top likewise."""
    kept: dict[str, Any] = {}
    for key, value in config.items():
        other = default.get(key)
        if isinstance(value, dict) and isinstance(other, dict) and key.endswith("config"):
            kept[key] = terse(value, other, top=True)
        elif key in ("model_type", "architectures") or not top or key not in default or value != other:
            kept[key] = value
    return kept


def _places(config: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in config.items():
        if key in IRRELEVANT or key in DEPTH_KEYS:
            continue
        if isinstance(value, dict) and key.endswith("config"):
            yield from _places(value, (*before, key))
        elif not isinstance(value, str | dict) and (value is not None or key in UNSET):
            yield (*before, key)


def _other(key: str, value: Any, source: random.Random) -> Any:
    if value is None or (key == "num_key_value_heads" and source.random() < 0.5):
        return source.choice(UNSET[key])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return max(0, source.choice((value * 2, value // 2, value + 1, value - 1, 1)))
    if isinstance(value, float):
        return source.choice((value * 2, value / 2))
    if isinstance(value, list) and value:
        entries = list(value)
        place = source.randrange(len(entries))
        entries[place] = (
            source.choice(entries) if isinstance(entries[place], str) else _other("", entries[place], source)
        )
        return entries
    return value
