"""Archives behind chart versions: a registry and an index on this machine, honest and others, and the lock file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from serving_registry import FakeRegistry, serve

from ai_on_eks.errors import AiOnEksError, InputError
from ai_on_eks.serving.chart_lock import LockedChart, PinnedChart, load_lock, lock_charts, lock_text, not_locked
from ai_on_eks.serving.chart_sources import CHART_LAYER, ChartSources, archive_of
from ai_on_eks.serving.registry import RegistryClient
from ai_on_eks.web import WebClient

pytestmark = [
    pytest.mark.local_server,
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1"]),
]

TODAY = date(2026, 11, 29)
ARCHIVE = b"the bytes of a chart"
HEXADECIMAL = hashlib.sha256(ARCHIVE).hexdigest()
DIGEST = f"sha256:{HEXADECIMAL}"
OTHER = f"sha256:{'0' * 64}"


def index(*, url: str = "https://elsewhere.example.com/a.tgz", digest: str | None = HEXADECIMAL) -> bytes:
    """A repository's index as Helm writes it: other charts around the one, and more of it than is wanted."""
    wanted = {
        "name": "operator",
        "version": "v1.2.0",
        "urls": [url, "https://second.example.com"],
        "keywords": [],
        "maintainers": [{"name": "a", "url": "https://a.example.com"}],
        "annotations": {"version": "9", "urls": ["not this one"]},
    }
    if digest is not None:
        wanted["digest"] = digest
    older = {"version": "1.1.0", "urls": ["https://elsewhere.example.com/old.tgz"], "digest": "1" * 64}
    others = [{"version": "1.2.0", "urls": ["https://elsewhere.example.com/other.tgz"], "digest": "2" * 64}]
    entries = {"first": others, "operator": [older, wanted], "second": others}
    return yaml.safe_dump({"apiVersion": "v1", "entries": entries, "generated": "2026-11-29"}).encode()


def chart(repository: str, version: str = "1.2.0") -> PinnedChart:
    return PinnedChart("operator", version, repository)


def chart_manifest(*layers: dict[str, str]) -> bytes:
    return json.dumps({"schemaVersion": 2, "layers": layers}).encode()


LAYER = {"mediaType": CHART_LAYER, "digest": DIGEST}
SIGNATURE = {"mediaType": "application/vnd.cncf.helm.chart.provenance.v1.prov", "digest": OTHER}


@pytest.fixture
def sources() -> ChartSources:
    return ChartSources(RegistryClient(5.0, lambda _: None), WebClient(5.0, lambda _: None))


@pytest.fixture
def site() -> Iterator[FakeRegistry]:
    """A web site with an index and an archive, and a registry with the same chart."""
    files = {
        "/charts/index.yaml": index(url="archives/operator-1.2.0.tgz"),
        "/charts/archives/operator-1.2.0.tgz": ARCHIVE,
        "/v2/charts/operator/manifests/1.2.0": chart_manifest(SIGNATURE, LAYER),
    }
    registry = FakeRegistry(files)
    with serve(registry):
        yield registry


def refused(sources: ChartSources, pinned: PinnedChart) -> list[str]:
    with pytest.raises(AiOnEksError) as caught:
        sources.digest(pinned)
    return [problem.code for problem in caught.value.problems]


@pytest.mark.parametrize("url", ["archives/operator-1.2.0.tgz", "/charts/archives/operator-1.2.0.tgz"])
@pytest.mark.parametrize("digest", [HEXADECIMAL, DIGEST, None])
def test_given_an_index_then_the_digest_is_that_of_the_archives_bytes(
    url: str, digest: str | None, site: FakeRegistry, sources: ChartSources
) -> None:
    site.manifests["/charts/index.yaml"] = index(url=url, digest=digest)
    assert sources.digest(chart(f"http://{site.host}/charts/")) == DIGEST
    assert sources.digest(chart(f"http://{site.host}/charts", "v1.2.0")) == DIGEST
    assert [path for _, path in site.requests].count("/charts/index.yaml") == 1


def test_given_an_index_that_names_another_digest_then_neither_is_believed(
    site: FakeRegistry, sources: ChartSources
) -> None:
    site.manifests["/charts/index.yaml"] = index(url="archives/operator-1.2.0.tgz", digest="0" * 64)
    assert refused(sources, chart(f"http://{site.host}/charts")) == ["chart-digest-mismatch"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (index(url="archives/none.tgz"), "chart-not-found"),
        (index(url="http://elsewhere.example.com/a.tgz"), "registry-insecure"),
        (index(url="file:///etc/hostname"), "registry-insecure"),
        (index(url="https://[a/b.tgz"), "chart-answer-invalid"),
        (b"apiVersion: v1\nentries: {operator: []}\n", "chart-not-found"),
        (b"apiVersion: v1\nentries: {operator: [{version: 1.2.0}, {version: 1.2.0, urls: []}]}\n", "chart-not-found"),
        (b"apiVersion: v1\nentries: []\n", "chart-not-found"),
        (b"", "chart-answer-invalid"),
        (b"<html>", "chart-answer-invalid"),
        (b"[]", "chart-answer-invalid"),
        (b"entries: {operator: [", "chart-answer-invalid"),
        (b"entries: {? [a] : b}", "chart-answer-invalid"),
        (b"\xff\xfe\xff", "chart-answer-invalid"),
    ],
)
def test_given_an_index_without_the_chart_then_it_is_told(
    body: bytes, expected: str, site: FakeRegistry, sources: ChartSources
) -> None:
    site.manifests["/charts/index.yaml"] = body
    assert refused(sources, chart(f"http://{site.host}/charts")) == [expected]


def test_given_an_index_of_aliases_then_none_is_expanded() -> None:
    bomb = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40))
    text = f"a0: &a0 [x]\n{bomb}{index().decode()}"
    assert archive_of(text.encode(), chart("https://a.example.com")).digest == HEXADECIMAL


def test_given_a_registry_then_the_digest_is_that_of_the_charts_layer(
    site: FakeRegistry, sources: ChartSources
) -> None:
    site.needs_token = True
    assert sources.digest(chart(f"oci://{site.host}/charts")) == DIGEST


@pytest.mark.parametrize(
    "manifest",
    [
        chart_manifest(),
        chart_manifest(SIGNATURE),
        chart_manifest(LAYER, LAYER),
        chart_manifest({"mediaType": CHART_LAYER, "digest": "sha256:short"}),
        b'{"layers": [1]}',
        b"[]",
        b"no json",
    ],
)
def test_given_a_manifest_of_anything_else_then_it_is_no_chart(
    manifest: bytes, site: FakeRegistry, sources: ChartSources
) -> None:
    site.manifests["/v2/charts/operator/manifests/1.2.0"] = manifest
    assert refused(sources, chart(f"oci://{site.host}/charts")) == ["chart-answer-invalid"]


def test_given_a_registry_whose_manifest_is_not_what_it_announces_then_it_is_not_believed(
    site: FakeRegistry, sources: ChartSources
) -> None:
    site.announced_digest = OTHER
    assert refused(sources, chart(f"oci://{site.host}/charts")) == ["registry-digest-mismatch"]


def test_a_version_with_a_plus_has_the_tag_that_helm_gives_it(site: FakeRegistry, sources: ChartSources) -> None:
    site.manifests["/v2/charts/operator/manifests/1.2.0_build.1"] = chart_manifest(LAYER)
    assert sources.digest(chart(f"oci://{site.host}/charts", "1.2.0+build.1")) == DIGEST


def test_given_a_file_when_written_and_read_then_it_is_the_same(tmp_path: Path) -> None:
    charts = {"b": LockedChart("1.10", DIGEST, "2026-11-29"), "a": LockedChart("v1.0.0", OTHER, "2026-01-02")}
    path = tmp_path / "charts.lock.yaml"
    path.write_text(lock_text(charts), encoding="utf-8")
    assert load_lock(path) == charts
    assert path.read_text(encoding="utf-8").index("  a:") < path.read_text(encoding="utf-8").index("  b:")


def test_given_a_file_with_mistakes_when_read_then_all_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "charts.lock.yaml"
    path.write_text("schema: v1\ncharts:\n  a: {version: 1.0.0, digest: none, verified: today}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_lock(path)
    assert {problem.path for problem in caught.value.problems} == {"charts.a.digest", "charts.a.verified"}


def test_given_answers_when_locked_then_a_version_keeps_its_archive_and_another_one_gets_a_new_entry() -> None:
    before = {
        "moved": LockedChart("1.0.0", OTHER, "2026-01-02"),
        "raised": LockedChart("0.9.0", OTHER, "2026-01-02"),
        "unasked": LockedChart("1.0.0", OTHER, "2026-01-02"),
        "same": LockedChart("1.0.0", DIGEST, "2026-01-02"),
    }
    pinned = [PinnedChart(name, "1.0.0", "https://a.example.com") for name in ("moved", "raised", "same", "new")]
    report = lock_charts(pinned, before, lambda _: DIGEST, TODAY, "lock")
    now = LockedChart("1.0.0", DIGEST, "2026-11-29")
    assert report.charts == before | {"raised": now, "same": now, "new": now}
    (problem,) = report.problems
    assert (problem.code, problem.file, problem.path) == ("chart-moved", "lock", "charts.moved")
    assert OTHER in problem.message
    assert DIGEST in problem.message


def test_given_charts_when_held_against_a_lock_then_those_that_it_lacks_are_told() -> None:
    locked = {"a": LockedChart("1.0.0", DIGEST, "2026-01-02"), "b": LockedChart("1.0.0", DIGEST, "2026-01-02")}
    problems = not_locked({"c": "1.0.0", "b": "1.0.1", "a": "1.0.0"}, locked, "lock")
    assert [(problem.code, problem.path) for problem in problems] == [
        ("chart-not-locked", "charts.b"),
        ("chart-not-locked", "charts.c"),
    ]
