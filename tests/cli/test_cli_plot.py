"""The picture of a plan: what it shows, in both formats, and what it refuses to draw."""

from __future__ import annotations

import struct
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from cli_running import LLAMA_8B, PLATFORM, RESNET, run_here

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.cli.plots.front import front_scene
from ai_on_eks.cli.plots.scene import DARK, HEIGHT, LIGHT, WIDTH, Dot, Line, Text
from ai_on_eks.cli.plots.svg import svg
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan

SVG = "{http://www.w3.org/2000/svg}"
LEAST_CONTRAST = 4.5


@pytest.fixture(scope="module")
def plan(llama: Descriptor, catalog: Catalog, platform: Platform) -> Plan:
    return plan_model(llama, build_inventory(llama), catalog, platform)


@pytest.mark.parametrize("by_throughput", [False, True])
def test_given_a_plan_when_drawn_then_every_placement_is_a_dot_inside_the_frame(
    plan: Plan, by_throughput: bool
) -> None:
    scene = front_scene(plan, by_throughput=by_throughput)
    dots = [one for one in scene if isinstance(one, Dot) and one.title]
    drawn = [one for one in (*plan.accepted, *plan.missed) if one.usd_per_hour and one.requests_per_second]
    (line,) = (one for one in scene if isinstance(one, Line) and one.style == "front")
    front = [dot for dot in dots if dot.style == "front"]
    assert len(dots) == len(drawn) + len(front) + 1  # those of the front stand on their faint ones, the chosen on its
    assert all(0 < dot.x < WIDTH and 0 < dot.y < HEIGHT for dot in dots)
    assert {(dot.x, dot.y) for dot in front} <= set(line.points)


def test_given_a_plan_when_drawn_then_the_choice_and_both_units_are_named(plan: Plan) -> None:
    assert plan.chosen is not None
    texts = [one.text for one in front_scene(plan) if isinstance(one, Text)]
    assert plan.chosen.instance_type.name in " ".join(texts)
    assert any("$ per hour" in text for text in texts)
    assert any("seconds" in text for text in texts)


def test_given_labels_when_placed_then_none_covers_another(plan: Plan) -> None:
    labels = [one for one in front_scene(plan) if isinstance(one, Text) and "xlarge" in one.text]
    assert len(labels) > 3
    for i, one in enumerate(labels):
        for other in labels[i + 1 :]:
            apart_across = abs(one.x - other.x) >= 6 * min(len(one.text), len(other.text))
            assert apart_across or abs(one.y - other.y) >= 13


def test_given_the_same_plan_when_drawn_twice_then_the_bytes_are_the_same(plan: Plan) -> None:
    assert svg(front_scene(plan), "t") == svg(front_scene(plan), "t")


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("style", ["ink", "axis", "chosen"])
def test_given_a_colour_of_text_then_it_stands_out_from_its_paper(colours: dict[str, str], style: str) -> None:
    lighter, darker = sorted((luminance(colours[style]), luminance(colours["paper"])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST


def test_given_svg_when_written_then_it_is_well_formed_and_follows_the_readers_colours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "front.svg"
    assert run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM, "--plot", str(file)).code == 0
    text = file.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own file
    assert root.find(f"{SVG}title") is not None
    assert len(root.findall(f"{SVG}circle")) > 50
    assert "prefers-color-scheme: dark" in text
    assert "<script" not in text


def test_given_png_when_written_then_it_is_twice_the_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "front.png"
    answer = run_here(capsys, "plan", LLAMA_8B, "--platform", PLATFORM, "--plot", str(file), "--plot-by", "throughput")
    assert answer.code == 0
    data = file.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (2 * WIDTH, 2 * HEIGHT)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((LLAMA_8B, "--plot", "front.jpeg"), "unknown-plot-format"),
        ((LLAMA_8B, RESNET, "--plot", "front.svg"), "plot-of-several-models"),
    ],
)
def test_given_what_cannot_be_drawn_when_asked_then_it_is_refused(
    arguments: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_here(capsys, "plan", *arguments, "--json")
    assert (answer.code, answer.codes) == (2, [code])


def luminance(colour: str) -> float:
    """Of sRGB, relative (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
