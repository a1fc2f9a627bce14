"""Files named by files: no name leads out of the folder, no link is followed, nothing is waited for."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ai_on_eks.descriptors.readers.source import is_plain_name, open_beside, open_source
from ai_on_eks.errors import InputError


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../a", "a/b", "/a", "a\\b", "c:a", "a\0", "a\n", "\x7f", "\x85", "a" * 256],
)
def test_given_a_name_that_may_lead_elsewhere_when_checked_then_it_is_not_plain(name: str, tmp_path: Path) -> None:
    assert not is_plain_name(name)
    with pytest.raises(ValueError, match="not a plain name"), open_beside(tmp_path / "index", name):
        pass


@pytest.mark.parametrize("name", ["a", "...", ".a", "a b", "é", "a" * 255, "model-00001-of-00002.safetensors"])
def test_given_an_ordinary_name_when_checked_then_it_is_plain(name: str) -> None:
    assert is_plain_name(name)


def test_given_a_file_that_becomes_a_link_after_it_was_looked_at_when_opened_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "shard").symlink_to(tmp_path / "outside")
    monkeypatch.setattr(Path, "is_symlink", lambda _: False)  # what a look before the exchange would have seen
    with pytest.raises(InputError, match="cannot be opened"), open_beside(tmp_path / "index", "shard"):
        pass


def test_given_a_link_when_named_by_a_file_then_refused_and_when_named_by_the_user_then_followed(
    tmp_path: Path,
) -> None:
    (tmp_path / "outside").write_bytes(b"data")
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="is a link"), open_beside(tmp_path / "index", "link"):
        pass
    with open_source(tmp_path / "link") as source:
        assert source.read_at(0, 4) == b"data"


def test_given_a_pipe_when_opened_then_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "shard")
    previous = signal.signal(signal.SIGALRM, _waited)
    signal.alarm(20)
    try:
        for opened in (open_source(tmp_path / "shard"), open_beside(tmp_path / "index", "shard")):
            with pytest.raises(InputError, match="is not a regular file"), opened:
                pass
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def _waited(*_: object) -> None:
    raise AssertionError("opening a pipe waits for a writer")


def test_given_a_file_cut_short_while_it_is_read_when_read_then_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(bytes(100))
    with open_source(tmp_path / "model") as source:
        os.truncate(tmp_path / "model", 10)
        with pytest.raises(InputError, match="at byte 10: the file became shorter"):
            source.read_at(0, 100)
