"""Nothing is written half, and nothing of others is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ai_on_eks.errors import UsageError
from ai_on_eks.files import MARKER, replace_folder_atomically, write_file_atomically


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    }


def test_given_a_new_folder_when_replaced_then_it_holds_exactly_the_files(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    replace_folder_atomically(target, {"x.yaml": "1\n", "sub/y.yaml": "2\n"})
    assert content(target) == {"sub/y.yaml": "2\n", "x.yaml": "1\n"}
    replace_folder_atomically(target, {"z.yaml": "3\n"})
    assert content(target) == {"z.yaml": "3\n"}
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("kind", ["foreign", "file", "link"])
def test_given_something_of_others_when_replaced_then_refused_and_untouched(kind: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    if kind == "file":
        target.write_text("mine")
    elif kind == "link":
        (tmp_path / "real").mkdir()
        target.symlink_to(tmp_path / "real")
    else:
        target.mkdir()
        (target / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError) as caught:
        replace_folder_atomically(target, {"x": "1"})
    assert caught.value.problems[0].code == "output-not-ours"
    if kind == "foreign":
        assert content(target) == {"thesis.txt": "mine"}
    assert not [path for path in tmp_path.iterdir() if ".new-" in path.name]


def test_given_a_failure_while_swapping_when_replaced_then_the_old_folder_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    replace_folder_atomically(target, {"x": "old"})
    rename = Path.rename

    def failing(self: Path, new: Path) -> Path:
        if ".new-" in self.name:
            raise OSError("disk on fire")
        return rename(self, new)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="disk on fire"):
        replace_folder_atomically(target, {"x": "new"})
    assert content(target) == {"x": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", MARKER, ""])
def test_given_a_name_outside_when_replaced_then_it_is_a_defect(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a relative file name"):
        replace_folder_atomically(tmp_path / "out", {name: "x"})


def test_given_a_file_when_written_then_its_bytes_are_the_text(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "f.yaml"
    write_file_atomically(path, "é\n")
    write_file_atomically(path, "b\r\n")
    assert path.read_bytes() == b"b\r\n"
    assert [one.name for one in path.parent.iterdir()] == ["f.yaml"]
    with pytest.raises(UsageError):
        write_file_atomically(tmp_path / "sub", "x")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_given_a_failure_when_a_file_is_written_then_the_old_one_stays_and_no_rest_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    target = tmp_path / "file.json"
    target.write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="disk full"):
        write_file_atomically(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


def test_given_permissions_when_a_file_is_written_then_they_stay(tmp_path: Path) -> None:
    target = tmp_path / "file.json"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o640)
    write_file_atomically(target, "new")
    assert (target.read_text(encoding="utf-8"), target.stat().st_mode & 0o777) == ("new", 0o640)


def test_given_a_link_when_a_file_is_written_then_its_target_is_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.yaml"
    link.symlink_to(tmp_path / "real" / "x.yaml")
    write_file_atomically(link, "new\n")
    assert link.is_symlink()
    assert (tmp_path / "real" / "x.yaml").read_text() == "new\n"
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["x.yaml"]


def test_given_a_pipe_or_device_when_a_file_is_written_then_it_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file_atomically(pipe, "text\n")
        assert os.read(reader, 100) == b"text\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("place", [".", "..", "a/.."])
def test_given_the_current_folder_when_replaced_then_refused_in_words(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "out")
    with pytest.raises(UsageError) as caught:
        replace_folder_atomically(Path(place), {"x": "1"})
    assert caught.value.problems[0].code == "output-not-ours"
    assert "current folder" in caught.value.problems[0].message
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "a"]
