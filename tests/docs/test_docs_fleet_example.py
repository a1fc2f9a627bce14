"""The thirty models of the manual are those of the generator, and sharing pays for them."""

from __future__ import annotations

from docs_pages import DOCS

from ai_on_eks.cli.planning import load_and_plan
from benchmarks.fleet_models import MODELS, files

FOLDER = DOCS / "examples" / "fleet"


def test_given_the_generator_when_run_then_the_committed_examples_are_what_it_writes() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.yaml")}
    assert committed == files(), "run: python -m benchmarks.fleet_models"
    assert len(committed) == len(MODELS) == 30


def test_given_the_examples_when_planned_then_all_are_placed_within_two_percent_of_the_least() -> None:
    paths = sorted(str(path) for path in FOLDER.glob("*.yaml"))
    _target, _models, fleet = load_and_plan(paths, str(DOCS.parent / "platform.yaml"), None)
    assert [plan.descriptor.name for plan in fleet.plans if plan.chosen is None] == []
    assert {plan.descriptor.kind.value for plan in fleet.plans} == {"foundation", "embedding", "task-specific"}
    assert fleet.gap is not None
    assert fleet.gap <= 0.02
    assert fleet.usd_per_hour is not None
    assert fleet.alone_usd_per_hour is not None
    assert fleet.usd_per_hour < fleet.alone_usd_per_hour
