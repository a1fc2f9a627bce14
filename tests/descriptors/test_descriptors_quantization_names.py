"""Which modules a config's lists of names mean."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_on_eks.descriptors.inventory import Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.quantization.expressions import matcher
from ai_on_eks.descriptors.quantization.names import Match, Work, modules_of, patterns


def tensor(name: str, layers: tuple[int, ...] = (0, 1, 2, 10), per_layer: int = 1) -> Tensor:
    count = len(layers) * per_layer if "*" in name else 1
    placed = layers if "*" in name else None
    return Tensor(
        name, (8, 8), TensorRole.FEED_FORWARD, Sharding.SPLIT, count, True, per_layer=per_layer, layers=placed
    )


def meant(entry: str, match: Match, name: str, per_layer: int = 1) -> tuple[int, ...]:
    modules = modules_of(tensor(name, per_layer=per_layer))
    return tuple(
        sorted({layer for pattern in patterns([entry], match) for layer in pattern.in_layers(modules, Work())})
    )


GATE, DOWN = "model.layers.*.mlp.gate.weight", "model.layers.*.mlp.down_proj.weight"
EXPERT = "model.layers.*.mlp.experts.*.gate_proj.weight"
ALL = (0, 1, 2, 10)


@pytest.mark.parametrize(
    ("entry", "match", "name", "layers"),
    [
        ("model.layers.1.mlp.gate", Match.PART, GATE, (1,)),
        ("model.layers.1.mlp.gate", Match.PART, "model.layers.*.mlp.gate_proj.weight", ()),
        ("model.layers.1", Match.PART, DOWN, (1,)),
        ("gate", Match.PART, GATE, ALL),
        ("mlp", Match.PART, DOWN, ALL),
        ("lm_head", Match.PART, "lm_head.weight", (0,)),
        ("language_model.lm_head", Match.GLOB, "lm_head.weight", (0,)),
        ("model.language_model.layers.10.mlp*", Match.GLOB, DOWN, (10,)),
        ("language_model.model.layers.1*", Match.GLOB, DOWN, (1,)),
        ("*.mlp.*", Match.GLOB, DOWN, ALL),
        ("model.layers.*.self_attn", Match.GLOB, DOWN, ()),
        ("mlp", Match.SUBSTRING, EXPERT, ALL),
        ("gate", Match.SUBSTRING, EXPERT, ()),  # a group of experts is asked for as a whole
        ("gate", Match.SUBSTRING, "model.layers.*.mlp.gate_proj.weight", ALL),
        (r"re:.*mlp\.(gate|up|gate_up|down)_proj.*", Match.EXPRESSION, DOWN, ALL),
        (r"re:.*mlp\.(gate|up|gate_up|down)_proj.*", Match.EXPRESSION, EXPERT, ()),
        (r"re:model\.layers\.(0|10)\.mlp.*", Match.EXPRESSION, DOWN, (0, 10)),
        (r"re:model\.layers\.2\.mlp.*", Match.EXPRESSION, DOWN, (2,)),
        (r"re:.*layers\.\d\.mlp.*", Match.EXPRESSION, DOWN, (0, 1, 2)),
        (r"re:.*language_model\..*down_proj$", Match.EXPRESSION, DOWN, ALL),
        (r"re:down_proj", Match.EXPRESSION, DOWN, ()),
        (r"re:(?!.*experts).*", Match.EXPRESSION, EXPERT, ()),
        ("model.layers.2.mlp.experts", Match.PART, EXPERT, (2,)),
        ("model.layers.2.mlp.experts.0.gate_proj", Match.PART, EXPERT, (2,)),
        ("model.layers.2.mlp.experts.gate_up_proj", Match.PART, EXPERT, (2,)),
        ("model.layers.1.self_attn.qkv_proj", Match.PART, "model.layers.*.self_attn.q_proj.weight", (1,)),
        ("model.layers.1.self_attn.q_proj", Match.PART, "model.layers.*.self_attn.qkv_proj.weight", (1,)),
    ],
)
def test_given_an_entry_when_matched_then_it_means_these_layers(
    entry: str, match: Match, name: str, layers: tuple[int, ...]
) -> None:
    assert meant(entry, match, name, 4 if name == EXPERT else 1) == layers


def test_given_an_entry_for_every_expert_when_read_then_the_first_stands_for_all() -> None:
    entries = [f"model.layers.{layer}.mlp.experts.{expert}.down_proj" for layer in range(60) for expert in range(256)]
    (one,) = patterns(entries, Match.PART)
    assert one.layers == frozenset(range(60))


@given(
    st.recursive(
        st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\.", r"\d", "$", "^"]),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
            st.tuples(inner, st.sampled_from("*+?")).map(lambda two: f"(?:{two[0]}){two[1]}"),
            inner.map(lambda one: f"(?!{one})a"),
        ),
        max_leaves=8,
    ),
    st.text("ab.1", max_size=8),
)
def test_given_any_expression_that_is_read_when_matched_then_as_the_library_matches_it(one: str, text: str) -> None:
    assert matcher(one)(text) == (re.match(one, text) is not None)


@pytest.mark.parametrize("one", ["(a+)+$", "(a*)*b", ".*.*.*.*.*.*.*.*x", "(a|a)*b", "(.*)+c" * 20])
def test_given_an_expression_that_explodes_when_matched_then_in_bounded_time(one: str) -> None:
    start = time.process_time()
    assert not matcher(one)("a" * 200 + "!")
    assert time.process_time() - start < 1


@pytest.mark.parametrize("one", ["a{2}", "(a", "a)", r"(a)\1", "(?<=a)b", "(?i)a", "a**", "[a", "x" * 600, "(" * 40])
def test_given_an_expression_that_is_not_read_when_asked_then_refused(one: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        matcher(one)
    with pytest.raises(ValueError, match=r"the expression|longer"):
        patterns([f"re:{one}"], Match.EXPRESSION)


def test_given_a_deep_model_and_a_long_list_when_matched_then_fast() -> None:
    layers = tuple(range(1000))
    entries = [f"model.layers.{layer}.block_{kind}.gate" for layer in range(1000) for kind in range(50)]
    tensors = [tensor(f"model.layers.*.block_{kind}.experts.*.up_proj.weight", layers, 500) for kind in range(20)]
    start = time.process_time()
    rules = [*patterns(entries, Match.PART), *patterns([r"re:.*\d\.block_3.*up_proj"], Match.EXPRESSION)]
    modules, work = [modules_of(one) for one in tensors], Work()
    assert sum(len(rule.in_layers(one, work)) for rule in rules for one in modules) == 1000
    assert time.process_time() - start < 3


def test_given_expressions_that_take_too_long_when_matched_then_refused() -> None:
    deep = modules_of(tensor("model.layers.*.mlp.up_proj.weight", tuple(range(1000))))
    rules = patterns([f"re:.*[0-9].*{letter}" for letter in "abcdefghijklmnop"], Match.EXPRESSION)
    work = Work()
    for rule in rules[:3]:
        rule.in_layers(deep, work)
    with pytest.raises(ValueError, match="comparisons"):
        [rule.in_layers(deep, work) for rule in rules * 40]
