"""Which layers of a decoder attend to a window of the context, from the words each config has for it.

    window of a layer = None, the whole context, or the hyper-parameter that holds its tokens
    layers            = as `layer_types` names them, one word each; where it is absent, by the model type's own rule

        EVERY        all layers, where a window is given
        ALTERNATE    all but every nth layer, counted from one (n a hyper-parameter or documented)
        UPPER        from `max_window_layers` on
        LOWER        every second one below `max_window_layers`, the first included
        NAMED        only those that `layer_types` names

A window never makes a layer smaller, only what is kept of a sequence: layers of the same heads and window share one
state. An engine that cannot tell such layers apart keeps more; that is a matter of its cache's layout.

Sources: configuration_<model type>.py of transformers 5.23.0 (`__post_init__`), and for which layers an engine gives a
window to, vLLM 0.33.0: engine/arg_utils.py (a window without `layer_types` holds for all layers) and
model_executor/models/<model type>.py (`per_layer_sliding_window`); read 2026-11-24.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import KeyValueState, Operations

FULL = "full_attention"
SLIDING = "sliding_attention"
CHUNKED = "chunked_attention"


class Kind(StrEnum):
    """Which layers have a window where `layer_types` does not say."""

    NEVER = "never"
    EVERY = "every"
    ALTERNATE = "alternate"
    UPPER = "upper"
    LOWER = "lower"
    NAMED = "named"


class Rule(Struct, frozen=True):
    """How the configs of one model type name their windows.

    key       hyper-parameter with the tokens of the window
    periods   hyper-parameters with n, the first that is given counts; `period` where none is
    switch    hyper-parameter without whose True the window is ignored
    last_full the last layer attends to everything whatever its word
    first_full every nth layer is counted from zero
    """

    kind: Kind
    key: str = "sliding_window"
    period: int = 0
    periods: tuple[str, ...] = ()
    switch: str | None = None
    last_full: bool = False
    first_full: bool = False


NEVER = Rule(Kind.NEVER)
EVERY = Rule(Kind.EVERY)
NAMED = Rule(Kind.NAMED)
SWITCHED = Rule(Kind.UPPER, switch="use_sliding_window")
SWITCHED_LOWER = Rule(Kind.LOWER, switch="use_sliding_window")
SWITCHED_EVERY = Rule(Kind.EVERY, switch="use_sliding_window")
HALF = Rule(Kind.ALTERNATE, period=2)


def windows_of_layers(rule: Rule, layers: int, parameters: Hyperparameters) -> tuple[int | None, ...]:
    """The window of every layer, in tokens; None where a layer attends to the whole context."""
    everything: tuple[int | None, ...] = (None,) * layers
    if rule.kind is Kind.NEVER:
        return everything
    if rule.switch is not None and parameters.value(rule.switch) is not True:
        return everything
    # some configs write 0 for none
    window = parameters.integer(rule.key, least=0) if parameters.has(rule.key) else parameters.integer_or(rule.key, 0)
    if window == 0:
        return everything
    is_windowed = _named(rule, layers, parameters) or _ruled(rule, layers, parameters)
    return tuple(window if one else None for one in is_windowed)


def _named(rule: Rule, layers: int, parameters: Hyperparameters) -> tuple[bool, ...]:
    """What `layer_types` says; empty where the config has none. Words beyond the layers are prediction layers'."""
    words = parameters.layer_kinds("layer_types", (FULL, SLIDING, CHUNKED))
    message = f"{len(words)} words for {layers} layers"
    parameters.relate(("num_hidden_layers", "layer_types"), not words or len(words) >= layers, message)
    named = tuple(word != FULL for word in words[:layers])
    return (*named[:-1], False) if named and rule.last_full else named


def _ruled(rule: Rule, layers: int, parameters: Hyperparameters) -> tuple[bool, ...]:
    if rule.kind is Kind.NAMED:
        return (False,) * layers
    if rule.kind in (Kind.UPPER, Kind.LOWER):
        border = parameters.integer("max_window_layers", least=0)
        if rule.kind is Kind.UPPER:
            return tuple(layer >= border for layer in range(layers))
        return tuple(layer < border and layer % 2 == 0 for layer in range(layers))
    if rule.kind is Kind.EVERY:
        return (True,) * layers
    period = next((parameters.integer(key) for key in rule.periods if parameters.has(key)), rule.period)
    first = 0 if rule.first_full else 1
    named = tuple((layer + first) % period != 0 for layer in range(layers))
    return (*named[:-1], False) if rule.last_full else named


def layers_by_window(windows: tuple[int | None, ...]) -> tuple[tuple[int | None, tuple[int, ...]], ...]:
    """Each window with the numbers of its layers; those with the whole context first."""
    distinct = sorted(set(windows), key=lambda window: (window is not None, window or 0))
    return tuple((window, tuple(n for n, one in enumerate(windows) if one == window)) for window in distinct)


class AttentionGroup(Struct, frozen=True):
    """Layers that attend in the same way. Those without a cache of their own read another layer's."""

    layers: int
    heads: int
    key_value_heads: int
    key_dimension: int
    value_dimension: int
    window: int | None = None
    keeps: bool = True


def groups(
    windows: tuple[int | None, ...], heads: int, key_value_heads: int, key_dimension: int, value_dimension: int
) -> tuple[AttentionGroup, ...]:
    """Layers of the same heads, grouped by their window; those with the whole context first."""
    return tuple(
        AttentionGroup(len(layers), heads, key_value_heads, key_dimension, value_dimension, window)
        for window, layers in layers_by_window(windows)
    )


def states(attention: tuple[AttentionGroup, ...]) -> tuple[KeyValueState, ...]:
    """What each group keeps of a sequence."""
    return tuple(
        KeyValueState(group.layers, group.key_value_heads, group.key_dimension, group.value_dimension, group.window)
        for group in attention
        if group.keeps and group.layers
    )


def operations(per_item: int, attention: tuple[AttentionGroup, ...]) -> Operations:
    """2 × layers × heads × (key + value dimension) for each token attended to: the scores, and their product with the
    values."""
    whole = sum(_per_token(group) for group in attention if group.window is None)
    windowed = tuple((_per_token(group), group.window) for group in attention if group.window is not None)
    return Operations(per_item=per_item, per_item_and_context_token=whole, windowed=windowed)


def _per_token(group: AttentionGroup) -> int:
    return 2 * group.layers * group.heads * (group.key_dimension + group.value_dimension)
