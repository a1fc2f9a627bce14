"""The Helm charts that platforms need, for a registry of your own: where each comes from and what it pulls.

FOLDER is what `make synth` wrote for a platform whose charts CDK does not install; without it every chart that a
platform can need is listed. With --mirror each line has the place in that registry where `image_mirror` looks for it,
and --commands prints what copies the charts there. Images: `ai-on-eks images list`.

`lock` asks each publisher for the archive behind a chart's version and writes its SHA-256 to --file; an archive that is
another one than before is told (exit code 1) and not written. The commands that copy then hold each archive against it.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from ai_on_eks.aws.helm_release import CHART_LOCK_FILE
from ai_on_eks.catalog.chart_images import image_repositories
from ai_on_eks.catalog.versions import OCI_SCHEME, Kind, components
from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.output import counted, document, note, terminal_width, write_json, write_text
from ai_on_eks.cli.problems import report
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.tables import NONE
from ai_on_eks.cli.writing import written_to
from ai_on_eks.drift.rendered import HELM_FOLDER
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS, Problem, UsageError
from ai_on_eks.files import write_file_atomically

if TYPE_CHECKING:
    from ai_on_eks.serving.chart_lock import LockedChart


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

    def commands(self, mirror: str, digest: str | None) -> tuple[str, ...]:
        """Helm's own, which pull and push the same bytes; in between they are held against the digest, if any."""
        where = self.source if self.repository.startswith(OCI_SCHEME) else f"{self.name} --repo {self.repository}"
        archive = f"{self.name}-{self.version}.tgz"
        push = f"helm push {archive} {self.place(mirror)}"
        if digest is not None:
            push = f"echo '{digest.removeprefix('sha256:')}  {archive}' | sha256sum -c && {push}"
        return (f"helm pull {where} --version {self.version}", push)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", default="list", choices=("list", "lock"), help="default: list")
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="rendered manifests; default: every chart")
    parser.add_argument("--mirror", metavar="REGISTRY", help="registry and path, as image_mirror of the platform file")
    parser.add_argument("--commands", action="store_true", help="what copies them to the mirror, as shell commands")
    parser.add_argument(
        "--file", metavar="F", default=CHART_LOCK_FILE, help=f"digests of the archives; default: {CHART_LOCK_FILE}"
    )


def run(args: Namespace) -> int:
    if args.commands and args.mirror is None:
        raise UsageError(Problem("wrong-usage", "--commands needs to know where to", fix="add --mirror REGISTRY"))
    charts = needed(None if args.folder is None else Path(args.folder))
    if args.what == "lock":
        return _lock(charts, args.file, as_json=args.json)
    locked = _locked(args.file)
    digests = {chart.name: _digest(chart, locked) for chart in charts}
    if args.json:
        write_json(document("charts", {"charts": [_mapping(one, args.mirror, digests[one.name]) for one in charts]}))
    elif args.commands:
        write_text("\n".join(line for one in charts for line in one.commands(args.mirror, digests[one.name])))
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


def _locked(file: str) -> Mapping[str, LockedChart]:
    """By name; nothing where the default file is not there."""
    path = Path(file)
    if file == CHART_LOCK_FILE and not path.exists():
        return {}
    from ai_on_eks.serving.chart_lock import load_lock  # noqa: PLC0415 - most have no such file

    return load_lock(path)


def _digest(chart: Chart, locked: Mapping[str, LockedChart]) -> str | None:
    known = locked.get(chart.name)
    return known.digest if known is not None and known.version == chart.version else None


def _lock(charts: Sequence[Chart], file: str, *, as_json: bool) -> int:
    from ai_on_eks.serving.chart_lock import PinnedChart, load_lock, lock_charts, lock_text  # noqa: PLC0415
    from ai_on_eks.serving.chart_sources import ChartSources  # noqa: PLC0415 - the network's modules are slow to import

    path = Path(file)
    before = load_lock(path) if path.exists() else {}
    ask = ChartSources().digest
    with progress("asking publishers", len(charts), quiet=as_json) as move_on:

        def resolve(chart: PinnedChart) -> str:
            try:
                return ask(chart)
            finally:
                move_on()

        pinned = [PinnedChart(chart.name, chart.version, chart.repository) for chart in charts]
        outcome = lock_charts(pinned, before, resolve, datetime.now(UTC).date(), file)
    if outcome.charts != before:
        with written_to(file):
            write_file_atomically(path, lock_text(outcome.charts))
    if as_json:
        rows = {name: outcome.charts[name] for name in outcome.answered}
        body = {"file": file, "locked": [{"name": name, **asdict(one)} for name, one in rows.items()]}
        write_json(document("charts", body))
    else:
        note(f"{len(outcome.answered)} of {counted(len(charts), 'chart')} answered for, in {file}")
    if not outcome.problems:
        return EXIT_DONE
    report(outcome.problems, as_json=as_json)
    return EXIT_FINDINGS


def _images(chart: str) -> tuple[str, ...] | None:
    repositories = image_repositories(chart)
    return None if repositories is None else tuple(sorted(set(repositories.values())))


def _mapping(chart: Chart, mirror: str | None, digest: str | None) -> dict[str, Any]:
    return {
        "name": chart.name,
        "version": chart.version,
        "repository": chart.repository,
        "source": chart.source,
        "digest": digest,
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
