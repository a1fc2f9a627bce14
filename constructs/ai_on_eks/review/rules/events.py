"""AWS::Events::Rule: names that match nothing without a word."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.facts import nearest, read
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import is_known, items, possible_items

SPOT_WARNING = "EC2 Spot Instance Interruption Warning"


def _detail_type(rule: Resource) -> Iterator[str]:
    known = read("events.json")["detail_types"]
    sources = [one for one in items(rule.get("EventPattern", "source")) if isinstance(one, str)]
    if not sources or not all(source in known for source in sources):
        return
    names = [name for source in sources for name in known[source]]
    for given in items(rule.get("EventPattern", "detail-type")):
        if isinstance(given, str) and is_known(given) and given not in names:
            yield f"{' and '.join(sources)} sends no '{given}'{nearest(given, names)}"


def _incomplete(rule: Resource) -> Iterator[str]:
    """Told once, at the rule for spot warnings, which is what shows that interruptions are listened for."""
    if SPOT_WARNING not in items(rule.get("EventPattern", "detail-type")):
        return
    patterns = [one.get("EventPattern", "detail-type") for one in rule.template.of_type("AWS::Events::Rule")]
    heard = [name for one in patterns for name in possible_items(one)]
    if not is_known(heard):
        return
    missing = [name for name in read("events.json")["interruption"]["names"] if name not in heard]
    if missing:
        yield f"nothing listens for {', '.join(missing)}"


_RULE = ("AWS::Events::Rule",)

RULES = (
    Rule(
        "event-detail-type-unknown", _RULE, "a detail type that the source does not send",
        "EventBridge compares character for character: the rule never matches, and nobody is told.",
        "copy the name from the source's event reference", _detail_type,
    ),
    Rule(
        "event-interruptions-incomplete", _RULE, "a queue of interruptions that misses some of them",
        "Nodes vanish without being drained.", "add rules for the missing detail types", _incomplete,
    ),
)  # fmt: skip
