"""docs/engines.md has the engines that are deployed. Refresh with UPDATE_SNAPSHOTS=1."""

from __future__ import annotations

import os

from docs_pages import DOCS

from ai_on_eks.catalog.engine_metrics import engine_metrics
from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.catalog.types import Engine
from ai_on_eks.serving.engines import ENGINES
from ai_on_eks.serving.images import load_images

PAGE = DOCS / "engines.md"
MARK = (
    "<!-- the table: written from the catalogue, refresh with "
    "UPDATE_SNAPSHOTS=1 pytest tests/docs/test_docs_engines.py -->"
)
HEAD = (
    "| `constraints.engines` | engine | loads | images | ports | metrics | wait | by name, because |",
    "|---|---|---|---|---|---|---|---|",
)


def row(engine: Engine) -> str:
    images, module = load_images(None), ENGINES[engine.name]
    keys = sorted({*engine.images.values(), *(engine.fabric.images.values() if engine.fabric else ())})
    names = ", ".join(dict.fromkeys(f"`{images[key].repository}`" for key in keys))
    ports, metrics = module.PORTS, engine_metrics(engine.name)
    told = [name for name in ("running", "waiting", "finished", "whole_request") if getattr(metrics, name)]
    cells = (
        f"`{engine.name}`",
        f"{engine.title} {engine.version}",
        f"{', '.join(engine.formats)}: {', '.join(engine.families)}",
        names,
        str(ports.http) if ports.http == ports.metrics else f"{ports.http}, {ports.metrics}",
        f"`{ports.metrics_path}`: {', '.join(told).replace('_', ' ')}",
        f"{module.SHUTDOWN_SECONDS} s" if module.SHUTDOWN_SECONDS else "–",
        engine.by_name or "–",
    )
    return f"| {' | '.join(cells)} |"


def table() -> str:
    return "\n".join((*HEAD, *(row(engine) for name, engine in load_engines().items() if name in ENGINES))) + "\n"


def test_given_the_page_when_compared_then_its_table_is_the_catalogues() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(MARK) == 1
    head, _, found = text.partition(f"{MARK}\n\n")
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        PAGE.write_text(f"{head}{MARK}\n\n{table()}", encoding="utf-8")
        found = table()
    assert found == table()


def test_the_page_promises_what_plans_do_of_the_traced_server() -> None:
    most = load_engines()["torch-neuronx"].most_items_per_s
    told = f"no more than {most['token']:,.0f} texts and {most['image']:,.0f} images a second from a replica"
    assert told in " ".join(PAGE.read_text(encoding="utf-8").split())


def test_engines_that_are_not_deployed_are_told_of_above_the_table() -> None:
    head = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    for engine in load_engines().values():
        if engine.undeployed:
            assert engine.title.split()[0] in head, engine.name
