"""Filling in digests: every byte outside the two values stays, and failures lose nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from ai_on_eks.errors import InputError, Problem
from ai_on_eks.serving.images import PACKAGED_IMAGES, load_images
from ai_on_eks.serving.lock import Resolver, lock_images
from ai_on_eks.serving.registry import RegistryError

TODAY = date(2026, 11, 24)
ONE, TWO, OLD = (f"sha256:{character * 64}" for character in "12f")

FILE = f"""\
# Kept: comments, order, blank lines and quotes.
schema: v1
images:
  second:   # kept too
    tag: "2.0"
    repository: ghcr.io/team/second
    digest:
    verified: null   # not yet
    size_bytes: 2

  first:
    repository: docker.io/team/first
    tag: v1
    digest: {OLD}
    verified: "2026-01-01"
    size_bytes: 1
  flow: {{repository: quay.io/team/flow, tag: v3, digest: null, verified: null, size_bytes: 3}}
"""


def images_file(tmp_path: Path, text: str = FILE) -> Path:
    path = tmp_path / "images.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def resolver(digests: Mapping[str, str]) -> Resolver:
    def resolve(repository: str, tag: str) -> str:
        try:
            return digests[f"{repository}:{tag}"]
        except KeyError:
            raise RegistryError(Problem("image-not-found", f"the registry has no {repository}:{tag}")) from None

    return resolve


EVERY = {"ghcr.io/team/second:2.0": TWO, "docker.io/team/first:v1": ONE, "quay.io/team/flow:v3": ONE}


def test_given_every_answer_then_only_the_values_change(tmp_path: Path) -> None:
    path = images_file(tmp_path)
    report = lock_images(path, resolver(EVERY), TODAY)
    expected = (
        FILE.replace("    digest:\n    verified: null ", f'    digest: {TWO}\n    verified: "2026-11-24" ')
        .replace(OLD, ONE)
        .replace("2026-01-01", "2026-11-24")
        .replace("digest: null, verified: null", f'digest: {ONE}, verified: "2026-11-24"')
    )
    assert report.text == expected
    assert path.read_text(encoding="utf-8") == expected
    assert report.locked == {"first": ONE, "flow": ONE, "second": TWO}
    assert report.problems == ()
    assert {key: image.digest for key, image in load_images(path).items()} == report.locked


def test_given_a_tag_that_was_moved_then_the_report_says_so(tmp_path: Path) -> None:
    assert lock_images(images_file(tmp_path), resolver(EVERY), TODAY).moved == {"first": (OLD, ONE)}


def test_given_some_failures_then_the_rest_is_written_and_all_are_reported(tmp_path: Path) -> None:
    path = images_file(tmp_path)
    report = lock_images(path, resolver({"docker.io/team/first:v1": ONE}), TODAY)
    assert path.read_text(encoding="utf-8") == FILE.replace(OLD, ONE).replace("2026-01-01", "2026-11-24")
    assert [(problem.path, problem.line, problem.file, problem.code) for problem in report.problems] == [
        ("images.flow", 17, str(path), "image-not-found"),
        ("images.second", 5, str(path), "image-not-found"),
    ]


def test_given_no_answer_at_all_then_the_file_is_not_touched(tmp_path: Path) -> None:
    path = images_file(tmp_path)
    before = path.stat().st_mtime_ns
    report = lock_images(path, resolver({}), TODAY)
    assert (report.text, len(report.problems), path.stat().st_mtime_ns) == (FILE, 3, before)


def test_given_a_second_run_on_the_same_day_then_nothing_changes(tmp_path: Path) -> None:
    path = images_file(tmp_path)
    first = lock_images(path, resolver(EVERY), TODAY).text
    second = lock_images(path, resolver(EVERY), TODAY)
    assert (second.text, second.moved) == (first, {})


def test_given_windows_line_ends_and_characters_outside_ascii_then_they_stay(tmp_path: Path) -> None:
    text = FILE.replace("# Kept", "# Übrig — 保持").replace("\n", "\r\n")
    path = images_file(tmp_path, text)
    lock_images(path, resolver({"docker.io/team/first:v1": ONE}), TODAY)
    expected = text.replace(OLD, ONE).replace("2026-01-01", "2026-11-24")
    assert path.read_bytes() == expected.encode()


def test_given_file_permissions_then_they_stay_and_no_other_file_is_left(tmp_path: Path) -> None:
    path = images_file(tmp_path)
    path.chmod(0o640)
    lock_images(path, resolver(EVERY), TODAY)
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_given_a_failed_write_then_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = images_file(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        lock_images(path, resolver(EVERY), TODAY)
    assert path.read_text(encoding="utf-8") == FILE
    assert list(tmp_path.iterdir()) == [path]


def test_given_a_malformed_file_then_no_registry_is_asked(tmp_path: Path) -> None:
    def never(repository: str, tag: str) -> str:
        raise AssertionError(f"{repository}:{tag} was asked for")

    with pytest.raises(InputError):
        lock_images(images_file(tmp_path, FILE.replace("tag: v1", "tag: latest")), never, TODAY)


def test_given_the_packaged_file_then_every_entry_can_be_filled_in(tmp_path: Path) -> None:
    path = images_file(tmp_path, PACKAGED_IMAGES.read_text(encoding="utf-8"))
    lock_images(path, lambda _repository, _tag: ONE, TODAY)
    assert {image.digest for image in load_images(path).values()} == {ONE}
    comments = [line for line in PACKAGED_IMAGES.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")] == comments
