"""Which modules, in which layers, a list of names in a config means.

A tensor stands for the same matrix in many layers; a list names layers one by one. `model.layers.7.mlp.gate` is read as
`model.layers.N.mlp.gate` in layer 7, and all entries that differ only in the layer become one pattern with a set of
layers. Each tensor is then compared once with each pattern: the time depends on patterns × tensors, not on layers.

How a name means a module differs by method:

    PART        the name is the module, a parent of it, or the end of it          transformers, should_convert_module
    SUBSTRING   the name occurs anywhere in the module's name                     AutoAWQ; vLLM, is_layer_skipped
    GLOB        `*` stands for anything; without one as PART                      ModelOpt; vLLM, is_layer_excluded
    EXPRESSION  `re:…` matches from the start; without `re:` as PART              compressed-tensors
    REGEX       matches from the start                                            GPTQModel's `dynamic`

Checkpoints and inventories name some things differently: what they have in common is compared. `language_model.` in a
name counts for nothing; `qkv_proj` is also q_proj, k_proj and v_proj, and `gate_up_proj` gate_proj and up_proj; an
expert is also its group of experts, of which none is quantized otherwise than the rest (vLLM refuses that as well).
Sources: vLLM 0.33.0 (model_executor/layers/quantization: utils/quant_utils.py, utils/config_utils.py, modelopt.py) and
transformers 5.23.0 (quantizers/quantizers_utils.py), read in November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum

from msgspec import Struct

from ai_on_eks.descriptors.inventory import Tensor
from ai_on_eks.descriptors.quantization.expressions import ANY, matcher

LAYER = "\x00"
"""Stands for a layer's number."""

MAX_PATTERNS = 2000
"""Different patterns of one list once layers are taken together; published lists have below 30."""
MAX_EXPRESSIONS = 64
"""Those among them that have to be followed letter by letter."""

MAX_COMPARISONS = 20_000
"""Of names with expressions, for one model: below a second. Published configs take some hundreds."""

_NUMBER = re.compile(r"(?<!experts)\.(\d{1,6})(?=[.*]|$)")
_NUMBER_IN_EXPRESSION = re.compile(r"(?<!experts)\\?\.(\d{1,6})(?=\\?\.|\$|$)")
_LATER_EXPERT = re.compile(r"experts\.(?!0[.*]|0$)\d{1,6}(?=[.*]|$)")
_TELLS_LAYERS_APART = re.compile(r"\d|\[|\\[dw]|\?!|\?=")
_FUSED = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj", "query_key_value", "W_pack"),
    "gate_up_proj": ("gate_proj", "up_proj", "w1", "w3"),
}


class Match(StrEnum):
    """How a name means a module."""

    PART = "part"
    SUBSTRING = "substring"
    GLOB = "glob"
    EXPRESSION = "expression"
    REGEX = "regex"


class Pattern(Struct, frozen=True):
    """`text` with `LAYER` for a number; `layers` are the numbers it was found with, None where it has none."""

    match: Match
    text: str
    layers: frozenset[int] | None

    def in_layers(self, modules: Modules, work: Work) -> frozenset[int]:
        """The layers in which the pattern means the modules. `ValueError` where finding out takes too long."""
        layers = modules.layers if self.layers is None else self.layers & modules.layers
        if self.match is Match.REGEX:
            return frozenset(self._expressed(modules, layers, work))
        names = modules.experts if self.match is Match.SUBSTRING and modules.experts else modules.names
        return layers if any(_means(self.match, self.text, name) for name in names) else frozenset()

    def _expressed(self, modules: Modules, layers: frozenset[int], work: Work) -> Collection[int]:
        matches = matcher(self.text)
        if self.layers is not None or not _TELLS_LAYERS_APART.search(self.text):
            number = LAYER if self.layers is not None else "0"
            work.add(len(modules.spellings))
            return layers if any(matches(name.replace(LAYER, number)) for name in modules.spellings) else ()
        work.add(len(modules.spellings))
        possible = modules.spellings
        if "(?" not in self.text:
            possible = tuple(name for name in possible if matches(name.replace(LAYER, ANY)))
        work.add(len(possible) * len(layers))
        return [layer for layer in layers if any(matches(name.replace(LAYER, str(layer))) for name in possible)]


class Work:
    """How often names of one model have been compared with expressions."""

    def __init__(self) -> None:
        self._done = 0

    def add(self, comparisons: int) -> None:
        """Counts, and refuses with `ValueError` what would take seconds."""
        self._done += comparisons
        if self._done > MAX_COMPARISONS:
            raise ValueError(f"its expressions take more than {MAX_COMPARISONS:,} comparisons with names")


class Modules(Struct, frozen=True):
    """What a tensor's module may be called.

    names      without `language_model.`; with other names for fused matrices and for experts
    spellings  the same with every place that `language_model.` takes in published checkpoints
    experts    names of the group, where the module is one expert's
    layers     the numbers `LAYER` stands for; {0} where the name has none
    """

    names: tuple[str, ...]
    spellings: tuple[str, ...]
    experts: tuple[str, ...]
    layers: frozenset[int]


def modules_of(tensor: Tensor) -> Modules:
    """All names of the module that `tensor` belongs to."""
    name = plain(tensor.name)
    for ending in (".weight", ".bias"):
        name = name.removesuffix(ending)
    name = name.replace("*", LAYER, 1)
    group = name.partition(".*")[0] if ".*" in name else ""
    names = dict.fromkeys(_alternatives(name.replace(".*", ".0"), group))
    spellings = dict.fromkeys(spelling for one in names for spelling in _spellings(one))
    return Modules(tuple(names), tuple(spellings), (group,) if group else (), frozenset(layers_of(tensor)))


def layers_of(tensor: Tensor) -> tuple[int, ...]:
    """The layers a tensor is in; (0,) for one outside of them."""
    if tensor.layers is not None:
        return tensor.layers
    return tuple(range(max(1, tensor.count // tensor.per_layer))) if "*" in tensor.name else (0,)


def patterns(entries: Iterable[str], match: Match) -> tuple[Pattern, ...]:
    """The patterns that a config's list of names amounts to. `ValueError` with the reason where one cannot be read."""
    gathered: dict[tuple[Match, str], set[int] | None] = {}
    for entry in entries:
        kind, text = _kind(entry, match)
        if kind is not Match.REGEX and _LATER_EXPERT.search(text):
            continue  # the first expert stands for all
        numbered = _NUMBER_IN_EXPRESSION if kind is Match.REGEX else _NUMBER
        found = numbered.search(text)
        if found is not None:
            text = text[: found.start(1)] + LAYER + text[found.end(1) :]
            layers = gathered.setdefault((kind, text), set())
            if layers is not None:
                layers.add(int(found[1]))
        else:
            gathered[kind, text] = None
    _check(gathered)
    return tuple(
        Pattern(kind, text, None if layers is None else frozenset(layers)) for (kind, text), layers in gathered.items()
    )


def plain(name: str) -> str:
    """A name without what checkpoints of several parts add to it."""
    return name.replace("language_model.", "")


def _check(gathered: Collection[tuple[Match, str]]) -> None:
    if len(gathered) > MAX_PATTERNS:
        raise ValueError(f"{len(gathered):,} different names; at most {MAX_PATTERNS:,} are read")
    expressions = [text for kind, text in gathered if kind is Match.REGEX]
    if len(expressions) > MAX_EXPRESSIONS:
        raise ValueError(f"{len(expressions):,} different expressions; at most {MAX_EXPRESSIONS} are read")
    for text in expressions:
        try:
            matcher(text)
        except ValueError as error:
            raise ValueError(f"the expression '{text[:60].replace(LAYER, 'N')}' {error}") from None


def _kind(entry: str, match: Match) -> tuple[Match, str]:
    if match is Match.REGEX:
        return match, entry
    if match is Match.EXPRESSION:
        return (Match.REGEX, entry[3:]) if entry.startswith("re:") else (Match.PART, plain(entry))
    if match is Match.GLOB and "*" not in entry:
        return Match.PART, plain(entry)
    return match, plain(entry)


def _means(match: Match, text: str, name: str) -> bool:
    if match is Match.SUBSTRING:
        return text in name
    if match is Match.GLOB:
        return _glob(text, name)
    return f".{text.strip('.')}." in f".{name}."


def _glob(text: str, name: str) -> bool:
    """The parts between the stars, in order; the first and the last where the name begins and ends."""
    first, *middle, last = text.split("*")
    if not name.startswith(first) or len(name) < len(first) + len(last) or not name.endswith(last):
        return False
    rest = name[len(first) : len(name) - len(last)]
    for part in middle:
        at = rest.find(part)
        if at < 0:
            return False
        rest = rest[at + len(part) :]
    return True


def _alternatives(name: str, group: str) -> Iterable[str]:
    yield name
    parent, _, own = name.rpartition(".")
    for fused, parts in _FUSED.items():
        if own in parts:
            yield f"{parent}.{fused}"
        if own == fused:
            yield from (f"{parent}.{part}" for part in parts)
    if group:
        yield group
        yield f"{group}.{'down_proj' if own in ('w2', 'down_proj') else 'gate_up_proj'}"


def _spellings(name: str) -> Iterable[str]:
    yield name
    yield f"language_model.{name}"
    yield f"model.language_model.{name.removeprefix('model.')}"
