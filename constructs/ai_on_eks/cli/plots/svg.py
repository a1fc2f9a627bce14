"""A scene as SVG: no script, no font of its own, and colours that follow the reader's light or dark preference."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ai_on_eks.cli.plots.scene import DARK, FONT_PX, HEIGHT, LIGHT, WIDTH, Dot, Line, Scene, Text

SHAPES = (
    f"text {{ font: {FONT_PX}px system-ui, sans-serif }}\nline, polyline {{ fill: none }}\n"
    ".ink, .chosen { paint-order: stroke; stroke-width: 3px; stroke-linejoin: round }\n"
    ".chosen-dot { fill: none; stroke-width: 3 }\n.front-line { stroke-width: 2 }\n"
)
"""Rules that hold in every colour."""


def svg(scene: Scene, title: str) -> str:
    """The document; `title` is what a screen reader says."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img">\n<title>{escape(title)}</title>\n<style>\n{rules(LIGHT)}\n'
        f"@media (prefers-color-scheme: dark) {{\n{rules(DARK)}\n}}\n"
        f"{SHAPES}</style>\n"
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>\n{elements(scene)}\n</svg>\n'
    )


def elements(scene: Scene) -> str:
    """The scene without a document around it."""
    return "\n".join(_element(one) for one in scene)


def rules(colours: Mapping[str, str]) -> str:
    """What gives every style its colour."""
    halo = f".ink, .chosen {{ stroke: {colours['paper']} }}\n"
    return halo + "\n".join(
        f".{name} {{ fill: {colour} }} .{name}-line {{ stroke: {colour} }} "
        f".{name}-dot {{ fill: {colour}; stroke: {colour} }}"
        for name, colour in colours.items()
    )


def _element(one: Line | Dot | Text) -> str:
    if isinstance(one, Line):
        points = " ".join(f"{x:g},{y:g}" for x, y in one.points)
        return f'<polyline class="{one.style}-line" points="{points}"/>'
    if isinstance(one, Dot):
        told = f"<title>{escape(one.title)}</title>" if one.title else ""
        return f'<circle class="{one.style}-dot" cx="{one.x:g}" cy="{one.y:g}" r="{one.radius:g}">{told}</circle>'
    return f'<text class="{one.style}" x="{one.x:g}" y="{one.y:g}" text-anchor="{one.anchor}">{escape(one.text)}</text>'
