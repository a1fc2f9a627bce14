"""What a picture is made of, whoever draws it: lines, marks and text in pixels from the top left, each of a style."""

from __future__ import annotations

from typing import NamedTuple

WIDTH, HEIGHT = 900, 560
FONT_PX = 13


class Line(NamedTuple):
    points: tuple[tuple[float, float], ...]
    style: str


class Dot(NamedTuple):
    x: float
    y: float
    radius: float
    style: str
    title: str = ""


class Text(NamedTuple):
    """`anchor` is `start`, `middle` or `end`."""

    x: float
    y: float
    text: str
    style: str
    anchor: str = "start"


Scene = tuple[Line | Dot | Text, ...]

LIGHT = {
    "paper": "#ffffff",
    "grid": "#e3e6ea",
    "axis": "#57606a",
    "ink": "#1f2328",
    "front": "#0969da",
    "other": "#afb8c1",
    "missed": "#f0b6b0",
    "chosen": "#bc4c00",
}
DARK = {
    "paper": "#0d1117",
    "grid": "#262c36",
    "axis": "#9198a1",
    "ink": "#e6edf3",
    "front": "#58a6ff",
    "other": "#4a525d",
    "missed": "#6e3a38",
    "chosen": "#ffa657",
}
"""Colours by style: text has at least 4.5 : 1 against its paper in both (WCAG 2.2, 1.4.3)."""
