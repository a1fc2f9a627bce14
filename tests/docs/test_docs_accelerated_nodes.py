"""The page about accelerated nodes says what the data says."""

from __future__ import annotations

import json
import re

from docs_pages import DOCS, ROOT

from ai_on_eks.catalog.gpu_parts import GpuPart, parts_of_nodes
from ai_on_eks.descriptors.platform import GpuSoftware

PAGE = (DOCS / "accelerated-nodes.md").read_text(encoding="utf-8")
DATA = ROOT / "constructs" / "ai_on_eks" / "catalog" / "data"


def test_given_the_parts_of_each_image_when_the_page_is_read_then_its_table_is_the_data() -> None:
    kinds = re.findall(r"`([a-z0-9-]+)`", PAGE.split("| part |")[1].split("\n")[0])
    assert set(kinds) == set(json.loads((DATA / "gpu_parts.json").read_text(encoding="utf-8"))["nodes"])
    rows = {
        cells[0]: cells[1:]
        for cells in (line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.endswith((" yes |", " no |")))
    }
    assert rows == {part.value: ["yes" if part in parts_of_nodes(kind) else "no" for kind in kinds] for part in GpuPart}


def test_given_the_choices_for_gpus_when_the_page_is_read_then_it_explains_each() -> None:
    assert re.findall(r"^- `([a-z-]+)`:", PAGE, re.MULTILINE) == [software.value for software in GpuSoftware]
