"""The whole page: one file without anything outside it.

The policy in its head lets a browser load nothing and run nothing but the script whose hash stands there, so neither a
model's name nor a price list can make the page do anything.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from ai_on_eks.cli.plots.scene import DARK, LIGHT
from ai_on_eks.cli.plots.svg import SHAPES, rules
from ai_on_eks.cli.report.html import Html, element, joined, text

ASSETS = Path(__file__).resolve().parent / "assets"

SECTIONS = {
    "bill": "Bill",
    "memory": "Memory",
    "fronts": "Alternatives",
    "ready": "Time to ready",
    "architecture": "Architecture",
    "rejections": "Rejections",
}
"""Anchor and name in the order of the page."""


def page(title: str, summary: str, sections: list[Html]) -> str:
    """The document; `title` and `summary` are plain text."""
    style = f"{_asset('report.css')}\n{_plot_style()}"
    script = _asset("report.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    links = joined(element("li", element("a", text(name), href=f"#{id_}")) for id_, name in SECTIONS.items())
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{text(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">Skip to the content</a>\n'
        f"<header>{element('h1', text(title))}{element('p', text(summary))}"
        f"{element('nav', element('ul', links), aria_label='Sections')}</header>\n"
        f'<main id="content">\n{joined(sections)}\n</main>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8").strip()


def _plot_style() -> str:
    """The plots' own rules, held to the plots."""
    light, dark = (f".plot {{\n{rules(colours)}\n}}" for colours in (LIGHT, DARK))
    shapes = f".plot {{\n{SHAPES}}}"
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n@media print {{\n{light}\n}}\n{shapes}"


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
