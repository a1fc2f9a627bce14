"""The Helm charts that platforms need, for a registry of your own: where each comes from and what it pulls.

FOLDER is what `make synth` wrote for a platform whose charts CDK does not install; without it every chart that a
platform can need is listed. With --mirror each line has the place in that registry where `image_mirror` looks for it,
and --commands prints what copies the charts there. Images: `ai-on-eks images list`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from ai_on_eks.aws.helm_release import OCI_SCHEME
from ai_on_eks.catalog.chart_images import image_repositories
from ai_on_eks.catalog.versions import Kind, components
from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.output import document, terminal_width, write_json, write_text
from ai_on_eks.cli.tables import NONE
from ai_on_eks.drift.rendered import HELM_FOLDER
from ai_on_eks.errors import EXIT_DONE, Problem, UsageError


class Chart(Struct, frozen=True):
    """repository: an index by https, or a registry by oci that the name completes · images: None where not known"""

    name: str
    version: str
    repository: str
    images: tuple[str, ...] | None

    @property
    def source(self) -> str:
        """What Helm is told."""
        return f"{self.repository}/{self.name}" if self.repository.startswith(OCI_SCHEME) else self.repository

    def place(self, mirror: str) -> str:
        """Below the name of the site that it comes from, as every copy of a mirror is."""
        _, _, place = self.repository.partition("://")
        return f"{OCI_SCHEME}{mirror}/{place}"

    def commands(self, mirror: str) -> tuple[str, ...]:
        """Helm's own, which pull and push the same bytes."""
        where = self.source if self.repository.startswith(OCI_SCHEME) else f"{self.name} --repo {self.repository}"
        return (
            f"helm pull {where} --version {self.version}",
            f"helm push {self.name}-{self.version}.tgz {self.place(mirror)}",
        )


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="list", choices=("list",), help="default: list")
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="rendered manifests; default: every chart")
    parser.add_argument("--mirror", metavar="REGISTRY", help="registry and path, as image_mirror of the platform file")
    parser.add_argument("--commands", action="store_true", help="what copies them to the mirror, as shell commands")


def run(args: Namespace) -> int:
    if args.commands and args.mirror is None:
        raise UsageError(Problem("wrong-usage", "--commands needs to know where to", fix="add --mirror REGISTRY"))
    charts = needed(None if args.folder is None else Path(args.folder))
    if args.json:
        write_json(document("charts", {"charts": [_mapping(chart, args.mirror) for chart in charts]}))
    elif args.commands:
        write_text("\n".join(line for chart in charts for line in chart.commands(args.mirror)))
    else:
        _print(charts, args.mirror)
    return EXIT_DONE


def needed(folder: Path | None) -> tuple[Chart, ...]:
    """By name. A folder without charts is a platform that needs none, or whose charts CDK installs."""
    charts = [
        Chart(name, one.version, one.repository, _images(name))
        for name, one in components().items()
        if one.kind is Kind.CHART and one.version is not None and one.repository is not None
    ]
    if folder is None:
        return tuple(charts)
    if not folder.is_dir():
        raise UsageError(
            Problem("file-not-found", "there is no such folder", file=str(folder), fix="run make synth first")
        )
    from ai_on_eks.descriptors.documents import read_yaml  # noqa: PLC0415 - the whole list needs no reader

    rendered = {read_yaml(path).value.get("chart") for path in sorted((folder / HELM_FOLDER).glob("*.yaml"))}
    return tuple(chart for chart in charts if chart.name in rendered)


def _images(chart: str) -> tuple[str, ...] | None:
    repositories = image_repositories(chart)
    return None if repositories is None else tuple(sorted(set(repositories.values())))


def _mapping(chart: Chart, mirror: str | None) -> dict[str, Any]:
    return {
        "name": chart.name,
        "version": chart.version,
        "repository": chart.repository,
        "source": chart.source,
        "mirrored": None if mirror is None else f"{chart.place(mirror)}/{chart.name}",
        "images": None if chart.images is None else list(chart.images),
    }


def _print(charts: Sequence[Chart], mirror: str | None) -> None:
    last = "images" if mirror is None else "in the mirror"
    columns = (Column("chart"), Column("version"), Column("from"), Column(last))
    rows = [
        (
            chart.name,
            chart.version,
            chart.source,
            f"{chart.place(mirror)}/{chart.name}" if mirror is not None else _images_text(chart),
        )
        for chart in charts
    ]
    write_text(table(columns, rows, terminal_width()))


def _images_text(chart: Chart) -> str:
    if chart.images is None:
        return "not known"
    return " ".join(chart.images) or NONE
